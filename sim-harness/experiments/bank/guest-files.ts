/** What the bank adds to the guest's disk: Debian's nginx and php-fpm with a configuration of their own, and the job that runs them. Pure. */
import type { GuestFile } from '../../guest/disk.ts';
import { FILL_PHP, FILLED, JOURNAL, PAGE_PHP, WWW } from './php-pages.ts';
import { PORT } from './requests.ts';

export const JOB = 'bank';
const DIR = '/shoal/bank';
const SOCKET = '/run/bank.sock';

/** One worker, since the guest has one CPU; connections wait for their users' thoughts longer than any of these. */
const NGINX = `user www-data;
daemon off;
pid /run/nginx.pid;
error_log stderr warn;
worker_processes 1;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
  access_log off;
  default_type image/tiff;
  sendfile on;
  keepalive_timeout 300s;
  keepalive_requests 1000000;
  open_file_cache max=1000;
  server {
    listen ${PORT} backlog=4096;
    root ${WWW};
    location /bank/ {
      fastcgi_pass unix:${SOCKET};
      fastcgi_param SCRIPT_FILENAME ${DIR}/page.php;
      fastcgi_param DOCUMENT_URI $document_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_buffers 16 8k;
      fastcgi_read_timeout 120s;
    }
  }
}
`;

/** Few workers: more of them would only take turns on one CPU. Who finds none free waits in the socket's queue. */
const PHP_FPM = `[global]
error_log = /proc/self/fd/2
daemonize = no
[bank]
user = www-data
group = www-data
listen = ${SOCKET}
listen.owner = www-data
listen.group = www-data
listen.backlog = 4096
pm = static
pm.max_children = 4
`;

/**
 * The job is at its end when nginx is; a php-fpm that died meanwhile shows as 502. It leads a process group of its own, so whoever
 * ends the job's group would leave it.
 */
const JOB_SCRIPT = `#!/bin/sh
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /run ${WWW}/checks
[ -e ${FILLED} ] || php8.2 ${DIR}/fill.php
touch ${JOURNAL}
chown www-data ${JOURNAL}
rm -f ${SOCKET}
php-fpm8.2 --nodaemonize --fpm-config ${DIR}/php-fpm.conf &
php=$!
trap 'kill $php' EXIT
trap exit TERM
until [ -S ${SOCKET} ]; do
  kill -0 $php
  sleep 1
done
nginx -c ${DIR}/nginx.conf &
wait $!
`;

export const guestFiles = (): GuestFile[] => [
  { path: `/shoal/jobs/${JOB}`, text: JOB_SCRIPT, mode: 0o755 },
  { path: `${DIR}/nginx.conf`, text: NGINX, mode: 0o644 },
  { path: `${DIR}/php-fpm.conf`, text: PHP_FPM, mode: 0o644 },
  { path: `${DIR}/page.php`, text: PAGE_PHP, mode: 0o644 },
  { path: `${DIR}/fill.php`, text: FILL_PHP, mode: 0o644 },
];
