import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BoundaryPoint } from '../../src/git/boundary.ts';

const program = fileURLToPath(new URL('./service-process.ts', import.meta.url));

/** What to do at the n-th passing of a point, before the process is killed there. */
export interface KillPlan {
  readonly point: BoundaryPoint;
  readonly nth: number;
  /** Called while the service stands still at the point, still answering requests. */
  readonly meanwhile?: (service: ServiceChild) => Promise<void>;
  /** Go on after `meanwhile` instead of dying. */
  readonly survives?: boolean;
}

/** A command that ends by executing what follows it, such as `unshare`: the process keeps its id. */
export type Wrapper = readonly [command: string, ...args: string[]];

interface Passed {
  readonly point: BoundaryPoint;
  readonly number: number;
}

interface Started {
  readonly url: string;
  readonly adminTokenFile: string;
}

/** A real service in a process of its own, that can be killed at a boundary of a landing or delivery. */
export class ServiceChild {
  readonly url: string;
  readonly adminToken: string;
  /** Every point that was passed, in order. */
  readonly passed: BoundaryPoint[];
  /** The signal the process ended by. */
  readonly ended: Promise<string | null>;
  readonly #child: ChildProcess;
  #plan: KillPlan | null;
  #failure: Error | null = null;

  private constructor(
    child: ChildProcess,
    started: Started & { adminToken: string },
    plan: KillPlan | null,
    passed: BoundaryPoint[],
    early: Passed[],
  ) {
    this.#child = child;
    this.url = started.url;
    this.adminToken = started.adminToken;
    this.passed = passed;
    this.#plan = plan;
    this.ended = once(child, 'exit').then(([, signal]) => signal as string | null);
    child.on('message', (message: Passed | Started) => {
      if ('point' in message) this.#at(message);
    });
    for (const message of early) this.#at(message);
  }

  static async start(options: {
    /** Null: the embedded server. */
    databaseUrl: string | null;
    dataFolder: string;
    /** Otherwise in the data folder. */
    hubFolder?: string;
    /** Otherwise the one that this service made and wrote into its data folder. */
    adminToken?: string;
    kill?: KillPlan;
    wrapper?: Wrapper;
  }): Promise<ServiceChild> {
    const [command, ...args] = [...(options.wrapper ?? []), process.execPath, program];
    const child = spawn(command ?? process.execPath, args, {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '/',
        ...(options.databaseUrl === null ? {} : { DATABASE_URL: options.databaseUrl }),
        SIGNALBOX_DATA: options.dataFolder,
        ...(options.hubFolder === undefined ? {} : { SIGNALBOX_HUB: options.hubFolder }),
        SIGNALBOX_PORT: '0',
        SIGNALBOX_LOG_LEVEL: 'warn',
        SIGNALBOX_POOL_SIZE: '8',
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-8_000);
    });
    // Work left by a killed process begins before the new one listens, so points may be passed before it has said where it is.
    const early: Passed[] = [];
    const passed: BoundaryPoint[] = [];
    const started = await new Promise<Started>((resolve, reject) => {
      const onMessage = (message: Passed | Started) => {
        if ('url' in message) {
          child.off('message', onMessage);
          resolve(message);
        } else if (options.kill === undefined) {
          passed.push(message.point);
          child.send({ go: message.number });
        } else {
          early.push(message);
        }
      };
      child.on('message', onMessage);
      child.once('exit', () => reject(new Error(`the service ended before it listened:\n${stderr}`)));
    });
    // As the process sees it: its data folder may be a mount of its own.
    const file =
      options.wrapper === undefined
        ? started.adminTokenFile
        : `/proc/${child.pid}/root${started.adminTokenFile}`;
    const adminToken = options.adminToken ?? (await readFile(file, 'utf8')).trim();
    return new ServiceChild(child, { ...started, adminToken }, options.kill ?? null, passed, early);
  }

  /** Resolves when the process was killed at its point; rejects when what was to happen before failed. */
  async killed(): Promise<void> {
    const signal = await this.ended;
    if (this.#failure !== null) throw this.#failure;
    if (signal !== 'SIGKILL')
      throw new Error(`the service ended by ${signal ?? 'itself'}, not at its kill point`);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Ends it as an operator would; an embedded server ends with it. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await this.ended;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  #at({ point, number }: Passed): void {
    this.passed.push(point);
    const plan = this.#plan;
    const nth = this.passed.filter((passed) => passed === point).length;
    if (plan === null || plan.point !== point || plan.nth !== nth) {
      if (this.#child.connected) this.#child.send({ go: number });
      return;
    }
    this.#plan = null;
    void (plan.meanwhile?.(this) ?? Promise.resolve())
      .catch((error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        if (plan.survives === true) this.#child.send({ go: number });
        else this.#child.kill('SIGKILL');
      });
  }
}
