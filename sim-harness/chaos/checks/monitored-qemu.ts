/** A QEMU that writes what becomes of its guest into a file of its own, for checkers alone: see `monitors.ts`. */
import { chmodSync, writeFileSync } from 'node:fs';

/** The first question: one that boots is told of by no event. */
export const AT_START = 'at-start';

/** Ends the words in `.args`: without it the shell is not done with them. */
export const END = 'END';

/**
 * Writes a command that is called like QEMU. Each VM's process has three files in `dir`, called by its pid and start time:
 * `.args` says who it is, `.in` is a pipe for questions, `.out` has answers and events, and stays when it is killed. (A
 * chardev `pipe` takes any two files, QEMU chardev/char-pipe.c; the questions wait in the pipe from before its start, so
 * that nothing is missed however late a checker looks.) What a guest's kernel says is in `UUID.console`, for people.
 */
export function monitoredQemu(path: string, dir: string): string {
  const script = `#!/bin/sh
ticks() { shift 21; echo "$1"; }
case " $* " in
*' -uuid '*)
  read -r stat </proc/$$/stat
  at='${dir}'/$$-$(ticks $stat)
  mkfifo "$at.in"
  : >"$at.out"
  exec 9<>"$at.in"
  echo '{"execute":"qmp_capabilities"}{"execute":"query-status","id":"${AT_START}"}' >&9
  printf '%s\\0' "$0" "$@" ${END} >"$at.args"
  for word; do
    shift
    [ "$last" = -uuid ] && console='${dir}'/$word.console
    last=$word
    case "$word" in socket,id=console,*) word="$word,logfile=$console,logappend=on" ;; esac
    set -- "$@" "$word"
  done
  set -- "$@" -chardev "pipe,id=checkers,path=$at" -mon chardev=checkers,mode=control
  ;;
esac
exec qemu-system-x86_64 "$@"
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}
