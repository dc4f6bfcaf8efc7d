/** As shells say it of a command that was interrupted. */
const INTERRUPTED = 130;

export interface Repetition {
  readonly seed: number;
  readonly repeat: number;
  readonly signal: AbortSignal;
  /** One run; whether it ended as it had to. */
  readonly run: (seed: number) => Promise<boolean>;
  readonly say: (line: string) => void;
}

/** Runs one after the other, each with the next seed, until all are done or the user ends them; gives the exit code. */
export async function repeatRuns({ seed, repeat, signal, run, say }: Repetition): Promise<number> {
  let passed = 0;
  let done = 0;
  for (; done < repeat && !signal.aborted; done += 1) {
    if (await run(seed + done)) passed += 1;
  }
  if (repeat > 1) say(`${passed} of ${done} runs passed`);
  if (signal.aborted) return INTERRUPTED;
  return passed === repeat ? 0 : 1;
}
