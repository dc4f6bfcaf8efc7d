/**
 * Prints what it costs to start git from a process with more and more memory, side by side: from the process itself, and through the
 * fork server. `node bench/fork.ts`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { forks } from '../src/git/fork-client.ts';

const STARTS = 50;
const env = { PATH: process.env['PATH'] ?? '' };

async function direct(): Promise<void> {
  const child = spawn('git', ['--version'], { cwd: '/', env, stdio: 'pipe' });
  child.stdout.resume();
  child.stderr.resume();
  await once(child, 'close');
}

async function served(): Promise<void> {
  const child = await forks.start({ file: 'git', args: ['--version'], cwd: '/', env });
  await child.ended;
}

/** Milliseconds of one: until it has ended, and of this process's own processor time, in which nothing else is answered. */
async function measure(start: () => Promise<void>): Promise<string> {
  await start();
  const [began, before] = [performance.now(), process.cpuUsage()];
  for (let n = 0; n < STARTS; n++) await start();
  const { user, system } = process.cpuUsage(before);
  const each = (ms: number): string => (ms / STARTS).toFixed(1).padStart(5);
  return `${each(performance.now() - began)} ms (own ${each((user + system) / 1_000)} ms)`;
}

const ballast: Buffer[] = [];
for (const megabytes of [0, 100, 200, 400]) {
  while (ballast.length < megabytes) ballast.push(Buffer.alloc(1024 * 1024, 1));
  const memory = Math.round(process.memoryUsage().rss / 1024 / 1024);
  console.log(`${memory} MB: itself ${await measure(direct)}, fork server ${await measure(served)}`);
}
