import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BoundaryPoint, landingPoints } from '../../src/git/boundary.ts';
import { GitMergeEngine } from '../../src/git/git-merge-engine.ts';
import type { MergeEngine } from '../../src/git/merge-engine.ts';
import { LaneBusy } from '../../src/git/landing-types.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { LandingBench, type Project, projects, requestFor, target } from './landing-support.ts';
import { git } from './support.ts';

let database: TestDatabase;
let lane: LandingBench;
const hitByAll = new Set<BoundaryPoint>();
beforeAll(async () => {
  database = await createTestDatabase();
  lane = new LandingBench(database);
});
beforeEach(() => lane.reset());
afterAll(() => database.close());

function landedWhole(all: readonly Project[]): void {
  for (const { bench, source } of all) {
    const history = git(bench.dir, 'rev-list', '--parents', target).split('\n');
    expect(
      history.filter((line) =>
        line
          .split(' ')
          .slice(1)
          .includes(source ?? ''),
      ),
    ).toHaveLength(1);
  }
}

describe.each([1, 3])('a crash of a landing over %i project(s)', (count) => {
  const names = ['a', 'b', 'c'].slice(0, count);
  const points = landingPoints.filter((point) => count > 1 || point !== 'between-commits');

  it.each(points)('at %s is landed whole by the next attempt, once', async (point) => {
    const all = projects(names);
    const request = requestFor(all);
    await lane.landUntil(point, request, all);
    expect(await lane.land({ ...request, attempt: 2 }, all)).toMatchObject({ result: 'landed' });
    landedWhole(all);
    for (const reached of lane.hit) hitByAll.add(reached);
  });

  it.each(['after-intents', 'after-prepare', 'after-commits'] as const)(
    'at %s is finished by the next landing on that target when nobody comes back',
    async (point) => {
      const all = projects(names);
      await lane.landUntil(point, requestFor(all), all);
      const next = requestFor(
        all.map((project) => ({
          ...project,
          source: project.bench.commit('refs/heads/signalbox/i/task/p/u', project.base, {
            'next.txt': 'next\n',
          }),
        })),
        {
          sourceRef: 'refs/heads/signalbox/i/task/p/u',
        },
      );
      await expect(lane.land(next, all)).rejects.toBeInstanceOf(LaneBusy);
      await lane.endLeases();
      expect(await lane.land(next, all, { store: lane.store('process-2') })).toMatchObject({
        result: 'landed',
      });
      landedWhole(all);
      expect(all.map(({ bench }) => bench.show(bench.tip(target) ?? '', 'next.txt'))).toEqual(
        all.map(() => 'next'),
      );
    },
  );
});

describe('between the commits of two repositories', () => {
  it('uses the stored commit in the second', async () => {
    const all = projects(['a', 'b']);
    const request = requestFor(all);
    await lane.landUntil('between-commits', request, all);
    const [, b] = all as [Project, Project];
    expect(b.bench.tip(target)).toBe(b.base);
    const stored = await lane.store().load(request.effectId);
    await lane.land({ ...request, attempt: 2 }, all);
    expect(b.bench.tip(target)).toBe(stored?.intents.find((intent) => intent.projectId === 'b')?.after);
  });

  it('merges onto the tip of an outside writer where that is clean', async () => {
    const all = projects(['a', 'b']);
    const [, b] = all as [Project, Project];
    const outside = b.bench.commit('refs/heads/outside', b.base, { 'outside.txt': 'by hand\n' });
    const request = requestFor(all);
    await lane.landUntil('between-commits', request, all);
    b.bench.outsideUpdate(target, outside);
    expect(await lane.land({ ...request, attempt: 2 }, all)).toMatchObject({
      result: 'landed',
      projects: [{ result: 'merged' }, { before: outside, result: 'merged' }],
    });
    landedWhole(all);
    expect(git(b.bench.dir, 'rev-list', target).split('\n')).toContain(outside);
  });

  it('moves back what had moved when the outside writer conflicts, and keeps what it takes away', async () => {
    const all = projects(['a', 'b'], () => ({ 'shared.txt': 'one\nthe task\nthree\n' }));
    const [a, b] = all as [Project, Project];
    const outside = b.bench.commit('refs/heads/outside', b.base, { 'shared.txt': 'one\nby hand\nthree\n' });
    const request = requestFor(all);
    await lane.landUntil('between-commits', request, all);
    b.bench.outsideUpdate(target, outside);
    const moved = a.bench.tip(target) ?? '';
    expect(moved).not.toBe(a.base);
    const result = await lane.land({ ...request, attempt: 2 }, all);
    expect(result).toMatchObject({
      result: 'conflict',
      conflicts: [{ projectId: 'b', target: outside, conflicts: [{ path: 'shared.txt' }] }],
    });
    expect([a.bench.tip(target), b.bench.tip(target)]).toEqual([a.base, outside]);
    expect(git(a.bench.dir, 'for-each-ref', '--format=%(objectname)', 'refs/signalbox/backup')).toContain(
      moved,
    );
    // Still owned: they close with the actor's result.
    expect(await lane.openIntents()).toBe(2);
  });

  it('puts a deleted target back where the landing wanted it', async () => {
    const all = projects(['a', 'b']);
    const [, b] = all as [Project, Project];
    const request = requestFor(all);
    await lane.landUntil('between-commits', request, all);
    git(b.bench.dir, 'update-ref', '-d', target);
    expect(await lane.land({ ...request, attempt: 2 }, all)).toMatchObject({ result: 'landed' });
    landedWhole(all);
  });

  it('takes an outside merge of the same work for done', async () => {
    const all = projects(['a', 'b']);
    const [, b] = all as [Project, Project];
    const request = requestFor(all);
    await lane.landUntil('between-commits', request, all);
    b.bench.outsideUpdate(target, b.source ?? '');
    expect(await lane.land({ ...request, attempt: 2 }, all)).toMatchObject({ result: 'landed' });
    expect(b.bench.tip(target)).toBe(b.source);
  });
});

describe('a target that moves between reading and locking', () => {
  it('gives the intents up and lands on the new tip', async () => {
    const all = projects(['a', 'b']);
    const [a, b] = all as [Project, Project];
    const outside = b.bench.commit('refs/heads/outside', b.base, { 'outside.txt': 'by hand\n' });
    let moved = false;
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'after-intents' && !moved) {
        moved = true;
        b.bench.outsideUpdate(target, outside);
      }
    };
    expect(await lane.land(requestFor(all), all, { boundary })).toMatchObject({
      result: 'landed',
      projects: [{ before: a.base }, { before: outside }],
    });
    landedWhole(all);
  });

  it('stops after a bounded number of beginnings, with nothing moved and nothing owned', async () => {
    const all = projects(['a']);
    const [a] = all as [Project];
    let tip = a.base;
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point !== 'after-intents') return;
      tip = a.bench.commit('refs/heads/outside', tip, { 'outside.txt': `${Math.random()}\n` });
      a.bench.outsideUpdate(target, tip);
    };
    await expect(lane.land(requestFor(all), all, { boundary })).rejects.toMatchObject({
      code: 'target_keeps_moving',
    });
    expect(a.bench.tip(target)).toBe(tip);
    expect(await lane.openIntents()).toBe(0);
  });
});

describe('a retry', () => {
  it('lands the commits that were prepared, without building them again', async () => {
    const all = projects(['a', 'b']);
    const request = requestFor(all);
    await lane.landUntil('before-intents', request, all);
    const stored = await lane.store().load(request.effectId);
    const inner = new GitMergeEngine();
    let merges = 0;
    const engine: MergeEngine = {
      name: 'counting',
      merge: (...args) => {
        merges++;
        return inner.merge(...args);
      },
    };
    const result = await lane.land({ ...request, attempt: 2 }, all, { engine });
    expect(result).toMatchObject({
      result: 'landed',
      projects: stored?.intents.map(({ after }) => ({ after })),
    });
    expect(merges).toBe(0);
  });

  it('answers what another process settled for it', async () => {
    const all = projects(['a']);
    const request = requestFor(all);
    await lane.landUntil('after-commits', request, all);
    await lane.endLeases();
    const other = requestFor(
      all.map((project) => ({
        ...project,
        source: project.bench.commit('refs/heads/u', project.base, { 'u.txt': 'u\n' }),
      })),
      { sourceRef: 'refs/heads/u' },
    );
    await lane.land(other, all, { store: lane.store('process-2') });
    await lane.closeIntents(other.effectId);
    expect(await lane.land({ ...request, attempt: 2 }, all)).toMatchObject({
      result: 'landed',
      projects: [{ result: 'merged', before: all[0]?.base }],
    });
  });

  it('by an older attempt is refused and changes nothing', async () => {
    const all = projects(['a']);
    const request = requestFor(all);
    await lane.landUntil('before-intents', { ...request, attempt: 2 }, all);
    await expect(lane.land(request, all)).rejects.toMatchObject({ code: 'landing_superseded' });
    expect(all[0]?.bench.tip(target)).toBe(all[0]?.base);
  });
});

describe('a superseded worker', () => {
  it('that holds every lock moves nothing once it is fenced', async () => {
    const all = projects(['a', 'b']);
    const request = requestFor(all);
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'after-prepare') await database.sql.query('UPDATE landing SET fence = fence + 1');
    };
    await expect(lane.land(request, all, { boundary })).rejects.toMatchObject({ code: 'landing_superseded' });
    expect(all.map(({ bench }) => bench.tip(target))).toEqual(all.map(({ base }) => base));
  });

  it('stops when its lease can not be renewed', async () => {
    const all = projects(['a']);
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point !== 'before-merge') return;
      await database.sql.query('UPDATE landing SET fence = fence + 1');
      await new Promise((resolve) => setTimeout(resolve, 200));
    };
    await expect(
      lane.land(requestFor(all), all, { boundary, store: lane.store('process-1', 150) }),
    ).rejects.toMatchObject({ code: 'landing_superseded' });
  });
});

it('every boundary of a landing was reached', () => {
  expect([...hitByAll].toSorted()).toEqual([...landingPoints].toSorted());
});
