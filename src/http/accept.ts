import type { FastifyRequest } from 'fastify';
import { Refusal } from '../errors.ts';

interface Wanted {
  readonly type: string;
  readonly quality: number;
}

function wantedOf(header: string): Wanted[] {
  return header
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
      return { type, quality: Number.isNaN(Number(quality)) ? 0 : Number(quality) };
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
}

/**
 * Which of the offered media types the caller wants: by quality, then in the order the caller wrote them; the first offered one
 * without a wish. Refuses with `not_acceptable`.
 */
export function negotiate<T extends string>(request: FastifyRequest, offered: readonly [T, ...T[]]): T {
  const header = request.headers.accept;
  if (header === undefined || header.trim() === '') return offered[0];
  for (const { type } of wantedOf(header)) {
    const found = offered.find(
      (candidate) => type === '*/*' || type === candidate || type === `${candidate.split('/')[0]}/*`,
    );
    if (found !== undefined) return found;
  }
  throw new Refusal('not_acceptable', `this route answers in ${offered.join(' or ')}`);
}
