import { expect, test } from 'vitest';
import { BoundedCache } from '../../src/services/bounded-cache.ts';

/** A cache of words, each as heavy as it is long and one for its place, and the words that had to be made. */
function cacheOf(limit: number) {
  const made: string[] = [];
  const cache = new BoundedCache<string>(limit, (word) => word.length);
  return {
    made,
    get: (word: string) =>
      cache.get(word, async () => {
        made.push(word);
        if (word === 'bad') throw new Error('not made');
        return word;
      }),
  };
}

test('what was asked for before is not made again, and two who ask at once wait for one', async () => {
  const { made, get } = cacheOf(10);
  expect(await Promise.all([get('aaa'), get('aaa')])).toEqual(['aaa', 'aaa']);
  expect(await get('aaa')).toBe('aaa');
  expect(made).toEqual(['aaa']);
});

test('the least used is forgotten when all of it is too heavy', async () => {
  const { made, get } = cacheOf(8);
  for (const word of ['aaa', 'bbb', 'aaa', 'ccc', 'aaa', 'bbb']) await get(word);
  expect(made).toEqual(['aaa', 'bbb', 'ccc', 'bbb']);
});

test('what is too heavy by itself is given and not kept, and nothing has to go for it', async () => {
  const { made, get } = cacheOf(4);
  for (const word of ['bbb', 'aaaa', 'aaaa', 'bbb']) expect(await get(word)).toBe(word);
  expect(made).toEqual(['bbb', 'aaaa', 'aaaa']);
});

test('what failed is tried again', async () => {
  const { made, get } = cacheOf(8);
  await expect(get('bad')).rejects.toThrow('not made');
  await expect(get('bad')).rejects.toThrow('not made');
  expect(made).toEqual(['bad', 'bad']);
});
