import plugin from 'fastify-plugin';
import { Refusal } from '../../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Takes one of the bounded places for open streams; the answer gives it back, once. Refuses with `too_many_streams`. */
    openStream: () => () => void;
    /** The same for claims that wait for a task: agents must not take the places of those who watch, nor the other way round. */
    openWait: () => () => void;
  }
}

function places(limit: number, what: string): () => () => void {
  const taken = new Set<symbol>();
  return () => {
    if (taken.size >= limit)
      throw new Refusal('too_many_streams', `${limit} ${what} already; end one or try again later`);
    const place = Symbol(what);
    taken.add(place);
    return () => void taken.delete(place);
  };
}

/** Each open stream and each waiting claim holds a socket and listens to what happens: so many, and no more. */
export const streams = plugin<{ maxStreams: number; maxWaits: number }>(
  async (app, { maxStreams, maxWaits }) => {
    app.decorate('openStream', places(maxStreams, 'streams are open'));
    app.decorate('openWait', places(maxWaits, 'claims wait'));
  },
  { name: 'streams', fastify: '5.x' },
);
