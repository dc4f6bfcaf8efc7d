import { expect, test } from 'vitest';
import type { ActorView } from '../../src/actors/view.ts';
import { WaitingSiblings } from '../../src/services/waiting-siblings.ts';

const siblings = ['whole', 'top', 'left', 'right'].map((key, place) => ({
  id: key,
  key,
  ordinal: place + 1,
}));

/** `top` waits for `whole`, which is split into the others, and has not heard of it yet. */
const actors = siblings.map(({ id }) => ({
  id,
  tags: id === 'whole' ? ['settled'] : [],
  context: {
    pending: id === 'top' ? [1] : [],
    watchers: id === 'whole' ? [2] : [],
    parts: id === 'whole' ? { first: 3, count: 2 } : null,
  },
})) as unknown as ActorView[];

test('a circle is seen through a split whose news is still on its way', async () => {
  const waiting = await WaitingSiblings.read({ peekMany: () => Promise.resolve(actors) }, siblings);
  expect(() => waiting.refuseCycle([2], 3)).toThrow('top');
  expect(() => waiting.refuseCycle([], 3)).not.toThrow();
});

test('what waits for a split task counts as waiting for each of its parts', async () => {
  const waiting = await WaitingSiblings.read({ peekMany: () => Promise.resolve(actors) }, siblings);
  expect(() => waiting.refuseLoad(3, 64)).toThrow('top');
  expect(() => waiting.refuseLoad(3, 63)).not.toThrow();
  expect(waiting.reached([1, 3], 'new', 62)).toEqual([3, 4]);
  expect(() => waiting.reached([1, 3], 'new', 63)).toThrow('new');
});
