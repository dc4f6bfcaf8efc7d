import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished } from 'vitest';
import { PgDeliveryStore } from '../../src/db/delivery-store.ts';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import { deliver } from '../../src/git/delivery.ts';
import type {
  DeliveryPorts,
  DeliveryProject,
  DeliveryRequest,
  DeliveryStrategy,
} from '../../src/git/delivery-types.ts';
import { GitMergeEngine } from '../../src/git/git-merge-engine.ts';
import { Hub } from '../../src/git/hub.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { RemoteServer } from '../support/remote-server.ts';
import { Crash, unit } from './landing-support.ts';
import { author, Bench, git, runner, tempFolder } from './support.ts';

export interface Target {
  id: string;
  remote: Bench;
  hubDir: string;
  base: string;
  source: string;
  project: DeliveryProject;
}

export const pushBranch = 'signalbox/i';
const initiative = 'refs/heads/signalbox/i/initiative';
/** Every boundary that a delivery of this file has reached. */
export const hit = new Set<BoundaryPoint>();

let database: TestDatabase;
let hub: Hub;

/** For a test file: a database for all of its tests, and a hub for each. */
export function setUpDelivery(): void {
  beforeAll(async () => {
    hit.clear();
    database = await createTestDatabase();
  });
  beforeEach(() => {
    hub = new Hub({ root: join(tempFolder(), 'hub'), runner });
  });
  afterAll(() => database.close());
}

/** A remote, its clone in the hub, and one commit that is to be delivered. */
export async function target(
  id: string,
  strategy: DeliveryStrategy = 'merge_and_push',
  files: Record<string, string> = { [`${id}.txt`]: `${id}\n` },
): Promise<Target> {
  const remote = new Bench(`${id}-remote`);
  const base = remote.commit('refs/heads/main', null, { 'shared.txt': 'one\ntwo\nthree\n' });
  const repository = await hub.ensure({ id, remote: remote.dir, defaultBranch: 'main' });
  const source = remote.commit('refs/heads/made-by-agents', base, files, 'Initiative work');
  git(repository.dir, 'fetch', '--quiet', remote.dir, `+refs/heads/made-by-agents:${initiative}`);
  git(remote.dir, 'update-ref', '-d', 'refs/heads/made-by-agents');
  const project = {
    projectId: id,
    repository,
    remote: remote.dir,
    defaultBranch: 'main',
    strategy,
    source,
    pushBranch,
  };
  return { id, remote, hubDir: repository.dir, base, source, project };
}

export function requestFor(targets: readonly Target[]): DeliveryRequest {
  return {
    effectId: randomUUID(),
    attempt: 1,
    unit: { ...unit, kind: 'initiative', key: 'i' },
    author,
    projects: targets.map(({ project }) => project),
  };
}

export function deliveryStore(): PgDeliveryStore {
  return new PgDeliveryStore(database.sql);
}

export function ports(overrides: Partial<DeliveryPorts> = {}): DeliveryPorts {
  return {
    store: deliveryStore(),
    engine: new GitMergeEngine(),
    boundary: async (point) => void hit.add(point),
    signal: new AbortController().signal,
    log: { info: () => undefined, warn: () => undefined },
    ...overrides,
  };
}

/** Delivers until `point`, where the process "dies". */
export async function deliverUntil(point: BoundaryPoint, request: DeliveryRequest): Promise<void> {
  const boundary = async (reached: BoundaryPoint): Promise<void> => {
    hit.add(reached);
    if (reached === point) throw new Crash(point);
  };
  await expect(deliver(request, ports({ boundary }))).rejects.toBeInstanceOf(Crash);
}

export function refuseEveryPush(remote: Bench, words = 'no pushes on Sundays'): void {
  mkdirSync(join(remote.dir, 'hooks'), { recursive: true });
  writeFileSync(join(remote.dir, 'hooks', 'pre-receive'), `#!/bin/sh\necho "${words}" >&2\nexit 1\n`);
  chmodSync(join(remote.dir, 'hooks', 'pre-receive'), 0o755);
}

/** From now on the remote is served over HTTP, where it can be fetched from and not pushed to. */
export async function readOnly(one: Target): Promise<void> {
  const name = basename(one.remote.dir);
  const server = new RemoteServer(dirname(one.remote.dir), { readOnly: [`/${name}`] });
  await server.start();
  onTestFinished(() => server.stop());
  one.project = { ...one.project, remote: server.url(name) };
}

/** How often the initiative's head was merged into a branch of the remote. */
export function mergesOf(one: Target, ref = 'refs/heads/main'): number {
  return git(one.remote.dir, 'rev-list', '--parents', ref)
    .split('\n')
    .filter((line) => line.split(' ').slice(1).includes(one.source)).length;
}
