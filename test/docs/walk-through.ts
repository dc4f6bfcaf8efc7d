import { execFile, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from './markdown.ts';

const run = promisify(execFile);

export async function git(folder: string, ...args: string[]): Promise<string> {
  return (await run('git', ['-C', folder, ...args])).stdout;
}

export interface RunningService {
  readonly url: string;
  stop(): Promise<void>;
}

/** What `npm start` runs, in the reader's folder, on a free port. */
export async function startService(folder: string, databaseUrl: string): Promise<RunningService> {
  const child = spawn(process.execPath, [path.join(root, 'scripts/run.mjs'), 'start'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATABASE_URL: databaseUrl,
      SIGNALBOX_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      const found = /^Signalbox listens on (\S+)$/m.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('close', () => reject(new Error(`the service did not start: ${said}`)));
  });
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/**
 * Runs what the reader pastes, stopping at the first command that fails; it and all it started end with `signal`. The output goes to
 * a file: an agent that has been told to end may hold a pipe open until its last request is answered.
 */
export async function runShell(
  folder: string,
  script: string,
  signal: AbortSignal,
): Promise<{ code: number | null; output: string }> {
  const file = path.join(folder, 'output.log');
  const log = await open(file, 'w');
  const child = spawn('sh', ['-e', '-c', script], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  });
  // A group of its own, so that the agent in the background ends with it.
  const end = (): void => void (child.pid !== undefined && process.kill(-child.pid, 'SIGTERM'));
  signal.addEventListener('abort', end);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  signal.removeEventListener('abort', end);
  await log.close();
  return { code, output: await readFile(file, 'utf8') };
}
