import { spawn } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'demo', 'main.ts');

export interface DemoEnd {
  readonly code: number | null;
  /** The lines of its standard output. */
  readonly lines: readonly string[];
  /** Both outputs, for the message of a failure. */
  readonly said: string;
  /** Of a run with `--keep`. */
  readonly folder: string | null;
}

/** Runs the demo as users do, but for the launcher, which would keep `env` from it. At the signal it is asked to end, and ends its own processes. `hear` is given all of its standard output so far. */
export async function runDemoProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
  hear: (said: string) => void = () => undefined,
): Promise<DemoEnd> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  let stdout = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    said += chunk.toString();
    hear(stdout);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const folder = /^kept (.+)$/mu.exec(said)?.[1] ?? null;
  return { code, lines: stdout.trimEnd().split('\n'), said, folder };
}
