import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BoundaryPoint } from '../../src/git/boundary.ts';

const program = fileURLToPath(new URL('./service-process.ts', import.meta.url));

/** What to do the next time a point is passed, before the process is killed there. */
export interface KillPlan {
  readonly point: BoundaryPoint;
  /** Asked each time the point is passed: whether this is the time. */
  readonly isTime?: () => Promise<boolean>;
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
  /** The signal the process ended by. */
  readonly ended: Promise<string | null>;
  readonly #child: ChildProcess;
  #plan: KillPlan | null = null;
  #killedAt: BoundaryPoint | null = null;
  #failure: Error | null = null;

  private constructor(child: ChildProcess, started: Started & { adminToken: string }) {
    this.#child = child;
    this.url = started.url;
    this.adminToken = started.adminToken;
    this.ended = once(child, 'exit').then(([, signal]) => signal as string | null);
  }

  static async start(options: {
    /** Null: the embedded server. */
    databaseUrl: string | null;
    dataFolder: string;
    /** Otherwise in the data folder. */
    hubFolder?: string;
    /** Otherwise the one that this service made and wrote into its data folder. */
    adminToken?: string;
    /** Otherwise a quarter of an hour: nobody waits for the end of one, and a task may be claimed long before it is handed in. */
    agentLeaseSeconds?: number;
    wrapper?: Wrapper;
    /** Where it is to die, if it comes to that point with what its last life has left. */
    killAt?: KillPlan;
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
        SIGNALBOX_AGENT_LEASE_SECONDS: String(options.agentLeaseSeconds ?? 900),
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-8_000);
    });
    // Work left by a killed process begins before the new one listens, so points may be passed before it has said where it is. Nobody
    // dies there until it has.
    let service: ServiceChild | null = null;
    const early: Passed[] = [];
    const started = await new Promise<Started>((resolve, reject) => {
      child.on('message', (message: Passed | Started) => {
        if ('url' in message) resolve(message);
        else if (service !== null) void service.#at(message);
        else if (message.point === options.killAt?.point) early.push(message);
        else child.send({ go: message.number });
      });
      child.once('exit', () => reject(new Error(`the service ended before it listened:\n${stderr}`)));
    });
    // As the process sees it: its data folder may be a mount of its own.
    const file =
      options.wrapper === undefined
        ? started.adminTokenFile
        : `/proc/${child.pid}/root${started.adminTokenFile}`;
    const adminToken = options.adminToken ?? (await readFile(file, 'utf8')).trim();
    service = new ServiceChild(child, { ...started, adminToken });
    service.killAt(options.killAt ?? null);
    for (const passed of early) void service.#at(passed);
    return service;
  }

  /** To be called when nothing passes the point but what is to be killed there; null takes the plan back. */
  killAt(plan: KillPlan | null): void {
    this.#plan = plan;
  }

  /** Gives the point at which the process was killed; rejects when what was to happen before failed. */
  async killed(): Promise<BoundaryPoint> {
    const signal = await this.ended;
    if (this.#failure !== null) throw this.#failure;
    if (this.#killedAt === null)
      throw new Error(`the service ended by ${signal ?? 'itself'}, not at its kill point`);
    return this.#killedAt;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends it as an operator would; an embedded server ends with it. */
  async close(): Promise<void> {
    if (!this.isAlive) return;
    this.#child.kill('SIGTERM');
    await this.ended;
  }

  async stop(): Promise<void> {
    if (!this.isAlive) return;
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  async #at({ point, number }: Passed): Promise<void> {
    const plan = this.#plan;
    const isTime = plan !== null && plan.point === point && (await (plan.isTime?.() ?? true));
    if (!isTime || this.#plan !== plan) {
      if (this.#child.connected) this.#child.send({ go: number });
      return;
    }
    this.#plan = null;
    await plan.meanwhile?.(this).catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
    if (plan.survives === true) {
      this.#child.send({ go: number });
      return;
    }
    this.#killedAt = point;
    this.#child.kill('SIGKILL');
  }
}
