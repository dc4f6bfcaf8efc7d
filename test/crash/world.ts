import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBesideHub } from '../support/beside-hub.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { git } from '../support/git.ts';
import { hubCredential } from '../support/hub-credential.ts';
import { makeRemote } from '../support/remote.ts';
import { until } from '../support/until.ts';
import { type KillPlan, ServiceChild, type Wrapper } from './service-child.ts';

export interface ClaimedTask {
  readonly agent: string;
  readonly task: { readonly id: string; readonly key: string; readonly category: string };
  readonly lease: { readonly id: string };
  readonly git: { readonly username: string; readonly password: string };
  readonly branch: string;
  readonly projects: readonly {
    key: string;
    url: string;
    base: string;
    startRef: string;
    merge: string | null;
  }[];
}

interface Viewed {
  readonly id: string;
  readonly key: string;
  readonly state: unknown;
  readonly tags: readonly string[];
}
export interface ViewedTask extends Viewed {
  readonly category: string;
}
export interface ViewedPhase extends Viewed {
  readonly tasks: readonly ViewedTask[];
}
export interface Tree {
  readonly id: string;
  readonly state: unknown;
  readonly projects: readonly { key: string; delivery: unknown }[];
  readonly phases: readonly ViewedPhase[];
}

/** A commit that an agent pushed. */
export interface Pushed {
  readonly project: string;
  readonly commit: string;
}

/** A database, a data folder, remotes and a service process that may die and be started again. */
export class World {
  readonly folder: string;
  readonly dataFolder: string;
  readonly database: TestDatabase;
  readonly keys: readonly string[];
  service: ServiceChild | null = null;
  agentToken: string | null = null;
  #token: string | null = null;
  #hasProjects = false;
  /** Not when the hub is on a mount of the service's own, or its row in a database of the service's own. */
  #seesHub = true;
  readonly #replicas: World[] = [];
  /** What agents pushed, all of them. */
  readonly pushed: Pushed[];

  /** Where the service finds the remotes; their paths unless told. */
  remoteUrl: (key: string) => string = (key) => this.remote(key);

  private constructor(parts: Pick<World, 'folder' | 'dataFolder' | 'database' | 'keys' | 'pushed'>) {
    this.folder = parts.folder;
    this.dataFolder = parts.dataFolder;
    this.database = parts.database;
    this.keys = parts.keys;
    this.pushed = parts.pushed;
  }

  static async make(projects: number, database?: TestDatabase): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-crash-'));
    const keys = Array.from({ length: projects }, (_, index) => `p${index + 1}`);
    const world = new World({
      folder,
      dataFolder: join(folder, 'data'),
      database: database ?? (await createTestDatabase({ poolSize: 2 })),
      keys,
      pushed: [],
    });
    for (const key of keys)
      await makeRemote(join(folder, 'remotes'), key, { 'shared.txt': 'one\ntwo\nthree\n' });
    return world;
  }

  get hubFolder(): string {
    return join(this.folder, 'data', 'hub');
  }

  /** Starts it, or starts it again after it died. */
  async start(
    how: {
      wrapper?: Wrapper;
      embedded?: boolean;
      agentLeaseSeconds?: number;
      killAt?: KillPlan;
    } = {},
  ): Promise<ServiceChild> {
    this.service = await ServiceChild.start({
      databaseUrl: how.embedded === true ? null : this.database.url,
      dataFolder: this.dataFolder,
      hubFolder: this.hubFolder,
      ...(this.#token === null ? {} : { adminToken: this.#token }),
      ...(how.wrapper === undefined ? {} : { wrapper: how.wrapper }),
      ...(how.agentLeaseSeconds === undefined ? {} : { agentLeaseSeconds: how.agentLeaseSeconds }),
      ...(how.killAt === undefined ? {} : { killAt: how.killAt }),
    });
    this.#token = this.service.adminToken;
    this.#seesHub = how.wrapper === undefined && how.embedded !== true;
    return this.service;
  }

  /** Another service on the same database and hub, with a data folder of its own; what it gives asks that service. */
  async replica(): Promise<World> {
    const { folder, database, keys, pushed } = this;
    const replica = new World({ folder, dataFolder: join(folder, 'replica'), database, keys, pushed });
    replica.#token = this.#token;
    this.#replicas.push(replica);
    await replica.start();
    return replica;
  }

  async end(): Promise<void> {
    for (const { service } of [this, ...this.#replicas]) await service?.stop();
    await this.database.close();
    // A server that was told to stop may still be writing its last.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }

  remote(key: string): string {
    return join(this.folder, 'remotes', `${key}.git`);
  }

  /** The hub's repository, looked at with plain git. */
  async hub(key: string): Promise<string> {
    const { rows } = await this.database.sql.query<{ id: string }>('SELECT id FROM project WHERE key = $1', [
      key,
    ]);
    return join(this.hubFolder, `${rows[0]?.id ?? ''}.git`);
  }

  async ask<T>(method: string, path: string, body?: unknown, token = this.#token): Promise<T> {
    return this.#send<T>(method, path, body, token, {});
  }

  /** A POST that can be repeated. */
  post<T>(path: string, body: unknown, key: string, token = this.#token): Promise<T> {
    return this.#send<T>('POST', path, body, token, { 'idempotency-key': key });
  }

  async #send<T>(
    method: string,
    path: string,
    body: unknown,
    token: string | null,
    headers: Readonly<Record<string, string>>,
  ): Promise<T> {
    const response = await fetch(`${this.service?.url ?? ''}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token ?? ''}`,
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  }

  /** Projects and a plan of one phase, in yolo mode unless told; gives the initiative's id. */
  async plan(tasks: readonly string[], extra: Record<string, unknown> = {}): Promise<string> {
    for (const key of this.#hasProjects ? [] : this.keys) {
      await this.ask('POST', '/v1/projects', { key, remote: this.remoteUrl(key), defaultBranch: 'main' });
    }
    this.#hasProjects = true;
    const applied = await this.ask<{ initiative: { id: string } }>('POST', '/v1/plans', {
      key: 'work',
      title: 'Work',
      mode: 'yolo',
      projects: this.keys.map((key) => ({ key, strategy: 'merge_and_push' })),
      phases: [{ key: 'one', title: 'One', tasks: tasks.map((key) => ({ key, title: key })) }],
      ...extra,
    });
    return applied.initiative.id;
  }

  /** One agent for each claim: an agent that holds a lease is answered that lease again. */
  async agent(capabilities: readonly string[] = []): Promise<string> {
    if (this.agentToken === null) {
      const { token } = await this.ask<{ token: string }>('POST', '/v1/tokens', {
        name: 'agents',
        scope: 'agent',
      });
      this.agentToken = token;
    }
    const agent = await this.ask<{ id: string }>(
      'POST',
      '/v1/agents',
      { name: `agent-${randomUUID()}`, capabilities },
      this.agentToken,
    );
    return agent.id;
  }

  async claim(capabilities: readonly string[] = []): Promise<ClaimedTask> {
    const agent = await this.agent(capabilities);
    return until('a task can be claimed', () => this.claimAs(agent, randomUUID()));
  }

  async claimAs(agent: string, key: string): Promise<ClaimedTask | null> {
    const answer = await this.post<Omit<ClaimedTask, 'agent'> | null>(
      `/v1/agents/${agent}/claim`,
      { waitSeconds: 5 },
      key,
      this.agentToken,
    );
    return answer === null ? null : { ...answer, agent };
  }

  /** Lets `edit` change files in each project, commits and pushes. */
  async work(claim: ClaimedTask, edit: (dir: string, project: string) => Promise<void>): Promise<Pushed[]> {
    const clones = join(this.folder, 'clones');
    await mkdir(clones, { recursive: true });
    const work = claim.projects.map(async (project): Promise<Pushed> => {
      const dir = await makeBesideHub(clones, this.#seesHub ? await this.hub(project.key) : null);
      if (!this.#seesHub)
        await git(dir, ['fetch', '--quiet', project.url, project.startRef], hubCredential(claim));
      await git(dir, ['reset', '--quiet', '--hard', project.base]);
      await edit(dir, project.key);
      await git(dir, ['add', '-A']);
      await git(dir, ['commit', '--quiet', '-m', `${claim.task.key} in ${project.key}`]);
      const to = `HEAD:refs/heads/${claim.branch}`;
      await git(dir, ['push', '--quiet', project.url, to], hubCredential(claim));
      return { project: project.key, commit: await git(dir, ['rev-parse', 'HEAD']) };
    });
    const pushed = await Promise.all(work);
    this.pushed.push(...pushed);
    return pushed;
  }

  async submit(claim: ClaimedTask, key: string = randomUUID()): Promise<void> {
    await this.post(`/v1/agents/${claim.agent}/submit`, { lease: claim.lease.id }, key, this.agentToken);
  }

  /** What `/readyz` answers: the status and every check by name. */
  async readiness(): Promise<{
    status: number;
    checks: Readonly<Record<string, { ready: boolean; detail: string }>>;
  }> {
    const response = await fetch(`${this.service?.url ?? ''}/readyz`);
    const body = (await response.json()) as { checks?: { name: string; ready: boolean; detail: string }[] };
    return {
      status: response.status,
      checks: Object.fromEntries((body.checks ?? []).map(({ name, ...check }) => [name, check])),
    };
  }

  tree(initiative: string): Promise<Tree> {
    return this.ask('GET', `/v1/initiatives/${initiative}`);
  }

  /** Approves the initiative with the heads that its review serves. */
  async approve(initiative: string): Promise<void> {
    const review = await until('the review of the initiative is open', () =>
      this.ask<{ heads: Record<string, string | null> }>('GET', `/v1/initiatives/${initiative}/review`),
    );
    await this.ask('POST', `/v1/initiatives/${initiative}/events`, {
      type: 'initiative.approve',
      heads: review.heads,
    });
  }
}

/** What the merge commits on a branch say they merged, sorted: a unit that was merged twice is named twice. */
export async function unitsOn(dir: string, branch: string): Promise<string[]> {
  const trailers = await git(dir, ['log', '--format=%(trailers:key=Signalbox-Unit,valueonly)', branch]);
  return trailers
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
    .toSorted();
}
