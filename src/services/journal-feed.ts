import { InvalidCursor } from '../actors/feed.ts';
import type { FeedRead, JournalFeed } from '../actors/journal-types.ts';
import { Refusal } from '../errors.ts';

/** A page of the feed. Refuses with `invalid_cursor`. */
export async function readFeed(feed: JournalFeed, options: FeedRead): ReturnType<JournalFeed['read']> {
  try {
    return await feed.read(options);
  } catch (error) {
    if (!(error instanceof InvalidCursor)) throw error;
    throw new Refusal('invalid_cursor', error.message, { cause: error });
  }
}
