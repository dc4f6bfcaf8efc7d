import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const DEMO = join(import.meta.dirname, 'fixtures', 'demo-with-children.ts');

let folder: string;
let demo: ChildProcess;
let pids: number[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-orphans-'));
  demo = spawn(process.execPath, [DEMO, folder], { stdio: 'inherit' });
  await vi.waitFor(
    () => expect(existsSync(join(folder, 'listens')) && existsSync(join(folder, 'deaf'))).toBe(true),
    10_000,
  );
  pids = ['listens', 'deaf'].flatMap((name) =>
    readFileSync(join(folder, name), 'utf8').trim().split(' ').map(Number),
  );
  expect(pids.filter(isRunning)).toHaveLength(4);
});

afterEach(() => {
  for (const pid of pids.filter(isRunning)) process.kill(pid, 'SIGKILL');
  demo.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'no process of a demo outlives a demo that ends by %s, not even one that does not listen',
  async (signal) => {
    demo.kill(signal);
    await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 25_000, interval: 100 });
  },
  30_000,
);

/** What has ended and only waits for its parent to notice does not run. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}
