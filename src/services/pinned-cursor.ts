import { createHash } from 'node:crypto';
import { Refusal } from '../errors.ts';

/**
 * A place in a list that does not change while what it was made from is the same. The cursor names both, so that pages of one list are
 * never continued with those of another.
 */
export interface Pinned {
  /** Refuses with `invalid_cursor`. */
  offset(after: string | undefined, total: number): number;
  cursor(offset: number): string;
}

export function pinnedTo(...parts: readonly string[]): Pinned {
  const pin = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  return {
    offset(after, total) {
      if (after === undefined) return 0;
      const [, to, digits] = /^([0-9a-f]{32})-([1-9]\d{0,9})$/.exec(after) ?? [];
      const offset = Number(digits);
      if (to === undefined || offset >= total || to !== pin) {
        throw new Refusal(
          'invalid_cursor',
          to === undefined
            ? 'this is not a cursor of this list; begin without one'
            : 'the cursor is of another list, or what is compared has changed since; begin without one',
        );
      }
      return offset;
    },
    cursor: (offset) => `${pin}-${offset}`,
  };
}
