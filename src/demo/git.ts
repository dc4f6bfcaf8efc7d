import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Git of the demo's own: deaf to the user's configuration, so that a run is the same everywhere. */
export const GIT_ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Signalbox demo',
  GIT_AUTHOR_EMAIL: 'demo@localhost',
  GIT_COMMITTER_NAME: 'Signalbox demo',
  GIT_COMMITTER_EMAIL: 'demo@localhost',
} as const;

/** Runs git in a folder, with `input` to read, and gives what it printed. Throws with git's own words. */
export async function git(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<string> {
  const running = run('git', [...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...GIT_ENVIRONMENT, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  // EPIPE only says that git ended first; its exit code says why.
  running.child.stdin?.on('error', () => undefined).end(input);
  const { stdout } = await running;
  return stdout.trim();
}
