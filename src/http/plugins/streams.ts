import plugin from 'fastify-plugin';
import { Refusal } from '../../errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Takes one of the bounded places for open streams; the answer gives it back, once. Refuses with `too_many_streams`. */
    openStream: () => () => void;
  }
}

/** Each open stream holds a socket and reads the feed: so many, and no more. */
export const streams = plugin<{ maxStreams: number }>(
  async (app, { maxStreams }) => {
    const open = new Set<symbol>();
    app.decorate('openStream', () => {
      if (open.size >= maxStreams) {
        throw new Refusal(
          'too_many_streams',
          `${maxStreams} streams are open already; close one or try again later`,
        );
      }
      const place = Symbol('stream');
      open.add(place);
      return () => void open.delete(place);
    });
  },
  { name: 'streams', fastify: '5.x' },
);
