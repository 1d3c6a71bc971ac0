/** What is not HTTP at all is answered as a problem too, and the connection ended: nothing after it can be read. */
import type { Socket } from 'node:net';
import { ShoalError } from '../../errors.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

export function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  // A client that has gone needs no answer.
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const what = error.code === 'HPE_HEADER_OVERFLOW' ? 'its headers are too long' : 'it is not HTTP';
  const problem = problemOf(
    new ShoalError('SHOAL_HTTP_REQUEST', `the request cannot be read: ${what}`, '', 'Mend it and ask again'),
  );
  const body = JSON.stringify(problem);
  const head = [
    'HTTP/1.1 400 Bad Request',
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
