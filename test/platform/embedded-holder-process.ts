import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./fixtures/embedded-holder.ts', import.meta.url));

export interface HolderAnswer {
  url?: string;
  refused?: string;
  message?: string;
}

export interface Holder {
  answer: HolderAnswer;
  pid: number;
  url: string;
  said(): string;
  /** SIGTERM, and waits for the end. */
  close(): Promise<void>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

export interface StartingHolder {
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

/** Starts a process that will hold the folder's server, and does not wait for it. */
export function beginHolder(settings: object): StartingHolder {
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], { stdio: 'ignore' });
  return { kill: () => end(child, 'SIGKILL') };
}

/** Starts a process that holds the folder's server and waits for its first line. */
export async function startHolder(settings: object, user?: { uid: number; gid: number }): Promise<Holder> {
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const answer = await new Promise<HolderAnswer>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve(JSON.parse(line) as HolderAnswer),
    );
    child.once('exit', (code) =>
      setTimeout(() => reject(new Error(`the holder ended with ${code}: ${said}`)), 100).unref(),
    );
  });
  return {
    answer,
    pid: child.pid ?? 0,
    url: answer.url ?? '',
    said: () => said,
    close: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}
