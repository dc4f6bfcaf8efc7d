import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ChildOptions } from './children.ts';

const SCRIPT = join(import.meta.dirname, 'orphan-guard.sh');

/** Sees to it that no process of a run outlives the demo, however the demo ends. */
export class OrphanGuard {
  readonly #process: ChildProcess;

  constructor(graceMs: number) {
    // A session of its own: a signal to the demo's group must not reach it.
    this.#process = spawn('sh', [SCRIPT, String(Math.ceil(graceMs / 1_000))], {
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // Without the guard a run is as good; only its sudden end is not cared for.
    this.#process.on('error', () => undefined);
    this.#process.stdin?.on('error', () => undefined);
    this.#process.unref();
  }

  started(pid: number, asked: ChildOptions['asked']): void {
    this.#process.stdin?.write(`${asked} ${pid}\n`);
  }

  ended(pid: number): void {
    this.#process.stdin?.write(`ended ${pid}\n`);
  }

  /** Nothing is left to end. */
  over(): void {
    this.#process.stdin?.end('over\n');
  }
}
