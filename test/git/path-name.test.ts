import { describe, expect, it } from 'vitest';
import { pathBytes, pathName } from '../../src/git/path-name.ts';
import { Random } from '../machines/family/random.ts';
import { awkwardNames } from './diff-support.ts';

const seed = Date.now() % 1_000_000_007;
console.info(`path names: seed ${seed}`);

/** Bytes of all kinds, and often of those that quoting has to do with. */
function someBytes(random: Random): Buffer {
  const pieces = Array.from({ length: random.below(12) }, () => {
    if (random.chance(0.3)) return Buffer.from([random.below(256)]);
    if (random.chance(0.3))
      return Buffer.from(random.pick(['"', '\\', '\n', '\\n', '\\351', '"x"', '\u{feff}']));
    if (random.chance(0.2)) return Buffer.from(random.pick(['é', '\u2028', '\u{1f600}', '\u0085', '\ufffd']));
    return Buffer.from(random.pick(['a', 'b/', '7', '0', ' ', '-', ':', '*']));
  });
  return Buffer.concat(pieces);
}

describe('the name of a path', () => {
  it('leads back to its bytes, whatever they are', () => {
    const random = new Random(seed);
    for (let run = 0; run < 20_000; run++) {
      const bytes = someBytes(random);
      expect(pathBytes(pathName(bytes)), bytes.toString('hex')).toEqual(bytes);
    }
    for (const bytes of awkwardNames) expect(pathBytes(pathName(bytes))).toEqual(bytes);
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    expect(pathBytes(pathName(every))).toEqual(every);
  });

  it('is the only text that leads there', () => {
    const random = new Random(seed + 1);
    for (let run = 0; run < 20_000; run++) {
      const text = someBytes(random).toString('utf8');
      const bytes = pathBytes(text);
      if (bytes !== null) expect(pathName(bytes)).toBe(text);
    }
  });

  it('keeps a byte order mark, with which it is another name', () => {
    expect(pathName(Buffer.from('\u{feff}a'))).not.toBe(pathName(Buffer.from('a')));
  });

  it.each([
    '"',
    '"plain"',
    '"a',
    'a\nb',
    '"a\nb"',
    '"\\x41"',
    '"\\012"',
    '"\\400"',
    '"\\351',
    '"\\351"x',
    '"\\"',
    '"a"\\351"',
    '"é\\351"',
    '\ud800',
  ])('is never %j', (text) => {
    expect(pathBytes(text)).toBeNull();
  });
});
