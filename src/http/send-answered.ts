import type { FastifyReply } from 'fastify';
import type { Answered } from '../services/contracts.ts';

/** Sends the answer of a service that remembers requests, and says so when it is the stored answer of an earlier one. */
export function sendAnswered<T>(reply: FastifyReply, status: number, { answer, repeated }: Answered<T>): T {
  void reply.code(status).header('idempotency-replayed', String(repeated));
  return answer;
}
