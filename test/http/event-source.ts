export interface StreamEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

export interface EventSource {
  readonly response: Response;
  /** The next event; comments are passed over. */
  next(): Promise<StreamEvent>;
  /** The next comment. */
  comment(): Promise<string>;
  /** Resolves when the server ends the stream. */
  ended(): Promise<void>;
  close(): void;
}

/** Reads server-sent events as they are on the wire. */
export async function openEventSource(url: string, headers: Record<string, string>): Promise<EventSource> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const blocks = response.headers.get('content-type')?.startsWith('text/event-stream')
    ? read(response)
    : null;

  async function nextBlock(wanted: (block: string) => boolean): Promise<string> {
    for (;;) {
      const { value, done } = (await blocks?.next()) ?? { value: undefined, done: true };
      if (done === true || value === undefined) throw new Error('the stream has ended');
      if (wanted(value)) return value;
    }
  }

  return {
    response,
    async next() {
      const fields = new Map((await nextBlock((block) => !block.startsWith(':'))).split('\n').map(fieldOf));
      return {
        event: fields.get('event') ?? '',
        id: fields.get('id') ?? null,
        data: JSON.parse(fields.get('data') ?? 'null'),
      };
    },
    comment: () => nextBlock((block) => block.startsWith(':')),
    async ended() {
      for (;;) if ((await blocks?.next())?.done !== false) return;
    },
    close: () => abort.abort(),
  };
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}

async function* read(response: Response): AsyncGenerator<string, void> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    yield* blocks;
  }
}
