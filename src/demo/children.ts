import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { OrphanGuard } from './orphan-guard.ts';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** All of its environment: nothing of ours is passed on. */
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Who is asked to end: the process alone, which sees to its own; or all of its group at once. */
  readonly asked: 'process' | 'group';
}

/** A process of the demo, in a process group of its own, with its output in a file. */
export class Child {
  readonly logFile: string;
  readonly asked: ChildOptions['asked'];
  /** How it ended; null if it could not be started. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #process: ChildProcess;

  constructor({ command, args, cwd, env, logFile, asked }: ChildOptions) {
    this.logFile = logFile;
    this.asked = asked;
    const log = openSync(logFile, 'a');
    this.#process = spawn(command, [...args], { cwd, env, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => resolve({ code, signal }));
      this.#process.once('error', () => resolve({ code: null, signal: null }));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return (
      this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }

  /** To this very process, or to its group: what it started and that did not leave. */
  signal(signal: NodeJS.Signals, to: 'process' | 'group'): void {
    const { pid } = this.#process;
    if (pid === undefined || (to === 'process' && !this.isRunning)) return;
    try {
      process.kill(to === 'group' ? -pid : pid, signal);
    } catch (error) {
      // Nobody is left.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }

  logTail(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  }
}

/** All processes of a run: ends them by pid, and counts those it saw end by SIGKILL. */
export class Children {
  #kills = 0;
  #isStopped = false;
  readonly #all: Child[] = [];
  readonly #graceMs: number;
  readonly #guard: OrphanGuard;

  /** `graceMs` is how long processes may take to end by themselves. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
    this.#guard = new OrphanGuard(graceMs);
  }

  get kills(): number {
    return this.#kills;
  }

  start(options: ChildOptions): Child {
    if (this.#isStopped) throw new Error('the run is over: nothing more is started');
    const child = new Child(options);
    this.#all.push(child);
    const { pid } = child;
    if (pid !== undefined) this.#guard.started(pid, options.asked);
    void child.ended.then(({ signal }) => {
      if (signal === 'SIGKILL') this.#kills += 1;
      if (pid !== undefined) this.#guard.ended(pid);
    });
    return child;
  }

  /** Asks all to end, the newest first, and ends what is left of their groups after the grace. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const child of this.#all.toReversed()) {
      if (child.isRunning) child.signal('SIGTERM', child.asked);
    }
    const late = setTimeout(() => this.#endGroups(), this.#graceMs);
    await Promise.all(this.#all.map((child) => child.ended));
    clearTimeout(late);
    this.#endGroups();
    this.#guard.over();
  }

  #endGroups(): void {
    for (const child of this.#all) child.signal('SIGKILL', 'group');
  }
}
