import { randomUUID } from 'node:crypto';
import { PgIntentStore } from '../../src/db/intent-store.ts';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import { GitMergeEngine } from '../../src/git/git-merge-engine.ts';
import { land } from '../../src/git/landing.ts';
import type {
  LandingPorts,
  LandingProject,
  LandingRequest,
  LandingResult,
  LandingUnit,
} from '../../src/git/landing-types.ts';
import type { TestDatabase } from '../support/database.ts';
import { author, Bench } from './support.ts';

export const target = 'refs/heads/signalbox/i/phase/p';
export const sourceRef = 'refs/heads/signalbox/i/task/p/t';
export const unit: LandingUnit = { kind: 'task', key: 't', id: '00000000-0000-4000-8000-000000000001' };

export class Crash extends Error {}

export interface Project {
  id: string;
  bench: Bench;
  base: string;
  source: string | null;
}

/** Projects with a phase branch and, for each, a task branch with one commit of its own. */
export function projects(
  names: readonly string[],
  files: (name: string) => Record<string, string> = (name) => ({ [`${name}.txt`]: `${name} by the task\n` }),
): Project[] {
  return names.map((name) => {
    const bench = new Bench(name);
    const base = bench.commit(
      target,
      null,
      { 'README.md': `${name}\n`, 'shared.txt': 'one\ntwo\nthree\n' },
      'Base',
    );
    const source = bench.commit(sourceRef, base, files(name), 'Task work');
    return { id: name, bench, base, source };
  });
}

export function requestFor(
  all: readonly Project[],
  extra: Partial<LandingProject> = {},
  effectId: string = randomUUID(),
  attempt = 1,
): LandingRequest {
  return {
    effectId,
    attempt,
    unit,
    author,
    projects: all.map((project) => ({
      projectId: project.id,
      repository: project.bench.repository,
      source: project.source,
      sourceRef,
      targetRef: target,
      mode: 'merge',
      ...extra,
    })),
  };
}

export class LandingBench {
  readonly database: TestDatabase;
  readonly hit = new Set<BoundaryPoint>();

  constructor(database: TestDatabase) {
    this.database = database;
  }

  store(process = 'process-1', leaseMs = 10_000): PgIntentStore {
    return new PgIntentStore(this.database.sql, { process, leaseMs });
  }

  ports(all: readonly Project[], overrides: Partial<LandingPorts> = {}): LandingPorts {
    const byId = new Map(all.map((project) => [project.id, project.bench.repository]));
    return {
      store: this.store(),
      engine: new GitMergeEngine(),
      boundary: async (point) => void this.hit.add(point),
      signal: new AbortController().signal,
      log: { info: () => undefined, warn: () => undefined },
      repositoryOf: (id) => {
        const repository = byId.get(id);
        if (repository === undefined) throw new Error(`no project ${id} in this test`);
        return repository;
      },
      ...overrides,
    };
  }

  land(
    request: LandingRequest,
    all: readonly Project[],
    overrides: Partial<LandingPorts> = {},
  ): Promise<LandingResult> {
    return land(request, this.ports(all, overrides));
  }

  /** Lands until `point`, where the process "dies": its locks are gone, its intents and its lease are not. */
  async landUntil(point: BoundaryPoint, request: LandingRequest, all: readonly Project[]): Promise<void> {
    const store = this.store();
    const boundary = async (reached: BoundaryPoint): Promise<void> => {
      this.hit.add(reached);
      if (reached !== point) return;
      // The dead clean nothing up.
      store.leave = () => Promise.reject(new Crash(point));
      throw new Crash(point);
    };
    try {
      await this.land(request, all, { boundary, store });
    } catch (error) {
      if (error instanceof Crash) return;
      throw error;
    }
    throw new Error(`the landing ended without reaching ${point}`);
  }

  /** What the actor's commit does with the row writer. */
  async closeIntents(effectId: string): Promise<void> {
    await this.database.sql.query(
      `UPDATE landing_intent SET state = 'closed' WHERE effect_id = $1 AND state = 'open' AND outcome IS NOT NULL`,
      [effectId],
    );
  }

  /** As if more time than any lease had passed. */
  async endLeases(): Promise<void> {
    await this.database.sql.query(`UPDATE landing SET lease_until = db_now() - interval '1 s'`);
  }

  /** Forgets everything: test projects share their names. */
  async reset(): Promise<void> {
    this.hit.clear();
    await this.database.sql.query('TRUNCATE landing, landing_lane, landing_intent, delivery_record');
  }

  async openIntents(): Promise<number> {
    const { rows } = await this.database.sql.query<{ count: string }>(
      `SELECT count(*) FROM landing_intent WHERE state = 'open'`,
    );
    return Number(rows[0]?.count);
  }
}
