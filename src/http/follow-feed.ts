import type { JournalFeed } from '../services/contracts.ts';

export type FeedEntry = Awaited<ReturnType<JournalFeed['read']>>['entries'][number];

export interface Following {
  /** Read from here on; from the beginning without one. */
  readonly after?: string;
  /** The initiative, or everything. */
  readonly rootId?: string;
  readonly signal: AbortSignal;
}

/** Entries become readable a moment after they are announced (older transactions must end first): look again without news. */
const QUIET_MS = 1_000;
const PAGE = 200;

/** The journal from a place on, page by page, for as long as the signal lets it; pages are never empty. */
export async function* followFeed(
  feed: JournalFeed,
  { after, rootId, signal }: Following,
): AsyncGenerator<FeedEntry[]> {
  const news = new NewsBell(signal);
  const stop = feed.subscribe(() => news.ring());
  let place = after;
  try {
    while (!signal.aborted) {
      // Before the read: what is announced while it runs must not be slept over.
      news.hush();
      const page = await feed.read({
        limit: PAGE,
        ...(place === undefined ? {} : { after: place }),
        ...(rootId === undefined ? {} : { rootId }),
      });
      place = page.next;
      if (page.entries.length > 0) yield page.entries;
      else await news.wait();
    }
  } finally {
    stop();
  }
}

/** Waits for the next ring, the signal or the quiet time, whichever comes first. */
class NewsBell {
  readonly #signal: AbortSignal;
  #rung = false;
  #wake: (() => void) | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.ring(), { once: true });
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  hush(): void {
    this.#rung = this.#signal.aborted;
  }

  async wait(): Promise<void> {
    if (this.#rung) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, QUIET_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
