import { createHash } from 'node:crypto';

/** Commit ids by project key; null where a unit has nothing in the project. */
export type Heads = Readonly<Record<string, string | null>>;

/** One name for a set of heads, whatever the order of its keys. */
export function headsDigest(heads: Heads): string {
  const lines = Object.keys(heads)
    .toSorted()
    .map((key) => `${key} ${heads[key] ?? '-'}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
