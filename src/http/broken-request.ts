import type { Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { Refusal } from '../errors.ts';
import { toProblem } from './problem.ts';

/** Answers what is not even HTTP, or has headers beyond the limit, in the form of every other refusal. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const why =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'the headers are over the limit'
      : 'this is not a valid HTTP request';
  const body = JSON.stringify(toProblem(new Refusal('invalid_request', why), randomUUID()));
  socket.end(
    [
      'HTTP/1.1 400 Bad Request',
      'Content-Type: application/problem+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
