import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GitError } from '../../src/git/git-error.ts';
import { LaneBusy } from '../../src/git/landing-types.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { LandingBench, projects, requestFor, sourceRef, target } from './landing-support.ts';
import { git } from './support.ts';

let database: TestDatabase;
let lane: LandingBench;
beforeAll(async () => {
  database = await createTestDatabase();
  lane = new LandingBench(database);
});
beforeEach(() => lane.reset());
afterAll(() => database.close());

describe('a landing', () => {
  it('merges the work of a unit into its target in every project', async () => {
    const all = projects(['api', 'web', 'docs']);
    const request = requestFor(all);
    const result = await lane.land(request, all);
    expect(result).toMatchObject({
      result: 'landed',
      projects: all.map(({ id, base }) => ({ projectId: id, result: 'merged', before: base })),
    });
    for (const { bench, base, source, id } of all) {
      const tip = bench.tip(target) ?? '';
      expect(git(bench.dir, 'rev-list', '--parents', '-1', tip).split(' ').slice(1)).toEqual([base, source]);
      expect(bench.show(tip, `${id}.txt`)).toBe(`${id} by the task`);
      expect(git(bench.dir, 'log', '-1', '--format=%(trailers)', tip)).toContain(
        `Signalbox-Effect: ${request.effectId}`,
      );
      expect(
        git(
          bench.dir,
          'for-each-ref',
          '--format=%(objectname)',
          `refs/signalbox/backup/landing/${request.effectId}`,
        ),
      ).toBe(base);
    }
  });

  it('moves no ref anywhere when one of two projects conflicts (F6)', async () => {
    const all = projects(['api', 'web'], () => ({ 'shared.txt': 'one\nthe task\nthree\n' }));
    const [api, web] = all as [(typeof all)[0], (typeof all)[0]];
    const theirs = web.bench.commit(target, target, { 'shared.txt': 'one\nsomebody else\nthree\n' });
    const result = await lane.land(requestFor(all), all);
    expect(result).toMatchObject({
      result: 'conflict',
      conflicts: [
        {
          projectId: 'web',
          target: theirs,
          source: web.source,
          conflicts: [{ path: 'shared.txt', type: 'CONFLICT (contents)' }],
        },
      ],
    });
    const [conflict] = result.result === 'conflict' ? (result.conflicts[0]?.conflicts ?? []) : [];
    expect(Object.keys(conflict?.stages ?? {})).toEqual(['1', '2', '3']);
    expect([api.bench.tip(target), web.bench.tip(target)]).toEqual([api.base, theirs]);
    expect(await lane.openIntents()).toBe(0);
  });

  it('calls a project without pushed work empty and lands the others (F7)', async () => {
    const all = projects(['api', 'web']);
    const [api, web] = all as [(typeof all)[0], (typeof all)[0]];
    web.source = null;
    const result = await lane.land(requestFor(all), all);
    expect(result).toMatchObject({
      result: 'landed',
      projects: expect.arrayContaining([
        expect.objectContaining({ projectId: 'api', result: 'merged' }),
        { projectId: 'web', result: 'empty', before: web.base, after: web.base },
      ]),
    });
    expect(api.bench.tip(target)).not.toBe(api.base);
    expect(web.bench.tip(target)).toBe(web.base);
  });

  it('stops as source_lost when a recorded commit is gone, and lands nothing of the others', async () => {
    const all = projects(['api', 'web']);
    const [api, web] = all as [(typeof all)[0], (typeof all)[0]];
    web.source = '1'.repeat(40);
    expect(await lane.land(requestFor(all), all)).toEqual({
      result: 'source_lost',
      projects: [{ projectId: 'web', expected: web.source, found: expect.any(String) }],
    });
    expect(api.bench.tip(target)).toBe(api.base);
  });

  it('stops as source_lost when the branch with the recorded head is gone', async () => {
    const all = projects(['api']);
    git(all[0]?.bench.dir ?? '', 'update-ref', '-d', sourceRef);
    expect(await lane.land(requestFor(all), all)).toMatchObject({
      result: 'source_lost',
      projects: [{ found: null }],
    });
  });

  it('says already for work that the target contains, also when its branch is gone', async () => {
    const all = projects(['api']);
    const first = requestFor(all);
    await lane.land(first, all);
    await lane.closeIntents(first.effectId);
    const tip = all[0]?.bench.tip(target);
    git(all[0]?.bench.dir ?? '', 'update-ref', '-d', sourceRef);
    expect(await lane.land(requestFor(all), all)).toEqual({
      result: 'landed',
      projects: [{ projectId: 'api', result: 'already', before: tip, after: tip }],
    });
  });

  it('stops as heads_moved when the pinned head has moved (F14)', async () => {
    const all = projects(['api']);
    const [api] = all as [(typeof all)[0]];
    const moved = api.bench.commit(sourceRef, sourceRef, { 'later.txt': 'after the review\n' });
    const request = requestFor(all, { pinned: api.source ?? '' });
    expect(await lane.land(request, all)).toEqual({
      result: 'heads_moved',
      projects: [{ projectId: 'api', expected: api.source, found: moved }],
    });
    expect(api.bench.tip(target)).toBe(api.base);
  });

  it('lands the recorded head and not what was pushed after it', async () => {
    const all = projects(['api']);
    const [api] = all as [(typeof all)[0]];
    const later = api.bench.commit(sourceRef, sourceRef, { 'later.txt': 'not submitted\n' });
    expect(await lane.land(requestFor(all), all)).toMatchObject({ result: 'landed' });
    expect(git(api.bench.dir, 'rev-list', target).split('\n')).not.toContain(later);
  });

  it('stops as heads_moved when the branch no longer contains the recorded head', async () => {
    const all = projects(['api']);
    const [api] = all as [(typeof all)[0]];
    api.bench.commit(sourceRef, api.base, { 'other.txt': 'rewritten\n' });
    expect(await lane.land(requestFor(all), all)).toMatchObject({ result: 'heads_moved' });
  });

  it('refuses unrelated histories as a result of their own', async () => {
    const all = projects(['api']);
    const [api] = all as [(typeof all)[0]];
    api.source = api.bench.commit(sourceRef, null, { 'elsewhere.txt': 'no common commit\n' });
    expect(await lane.land(requestFor(all), all)).toMatchObject({
      result: 'unrelated',
      projects: [{ projectId: 'api' }],
    });
    expect(api.bench.tip(target)).toBe(api.base);
  });

  it('throws when git fails and never counts it as merged (F4)', async () => {
    const all = projects(['api', 'web']);
    const engine = { name: 'broken', merge: () => Promise.reject(new Error('object database is damaged')) };
    await expect(lane.land(requestFor(all), all, { engine })).rejects.toThrow('object database is damaged');
    expect(all.map(({ bench }) => bench.tip(target))).toEqual(all.map(({ base }) => base));
    expect(await lane.openIntents()).toBe(0);
  });

  it('that fails before it owned a ref leaves its lanes, and who waited there lands at once', async () => {
    const all = projects(['api', 'web']);
    const engine = { name: 'broken', merge: () => Promise.reject(new GitError('git_failed', 'broken')) };
    await expect(lane.land(requestFor(all), all, { engine })).rejects.toThrow('broken');
    expect(await lane.land(requestFor(all), all)).toMatchObject({ result: 'landed' });
  });

  it('that fails with its refs half moved keeps its lanes until it has come back', async () => {
    const all = projects(['api', 'web']);
    const request = requestFor(all);
    const boundary = (point: string) =>
      point === 'between-commits' ? Promise.reject(new Error('the disk is full')) : Promise.resolve();
    await expect(lane.land(request, all, { boundary })).rejects.toThrow('the disk is full');
    await expect(lane.land(requestFor(all), all)).rejects.toThrow(LaneBusy);
    expect(await lane.land({ ...request, attempt: 2 }, all)).toMatchObject({ result: 'landed' });
  });

  it('refuses a target that does not exist', async () => {
    const all = projects(['api']);
    await expect(lane.land(requestFor(all, { targetRef: 'refs/heads/missing' }), all)).rejects.toMatchObject({
      code: 'target_missing',
    });
  });

  it.each(['--upload-pack=x', '../x', 'refs/heads/-x', 'refs/heads/a..b', 'main'])(
    'refuses %s as the name of a target',
    async (targetRef) => {
      const all = projects(['api']);
      await expect(lane.land(requestFor(all, { targetRef }), all)).rejects.toMatchObject({
        code: 'invalid_ref_name',
      });
    },
  );
});

describe('a fast-forward landing', () => {
  it('moves the target to the source in all projects', async () => {
    const all = projects(['api', 'web']);
    const result = await lane.land(requestFor(all, { mode: 'fast_forward' }), all);
    expect(result).toMatchObject({
      result: 'landed',
      projects: all.map(({ source }) => ({ result: 'fast_forwarded', after: source })),
    });
    expect(all.map(({ bench }) => bench.tip(target))).toEqual(all.map(({ source }) => source));
  });

  it('stops as outrun in all projects when one target has moved on', async () => {
    const all = projects(['api', 'web']);
    const [api, web] = all as [(typeof all)[0], (typeof all)[0]];
    const ahead = web.bench.commit(target, target, { 'ahead.txt': 'landed meanwhile\n' });
    expect(await lane.land(requestFor(all, { mode: 'fast_forward' }), all)).toEqual({
      result: 'outrun',
      projects: [{ projectId: 'web', expected: web.source, found: ahead }],
    });
    expect([api.bench.tip(target), web.bench.tip(target)]).toEqual([api.base, ahead]);
  });

  it('stops as not_contained when a commit it must contain is missing', async () => {
    const all = projects(['api']);
    const [api] = all as [(typeof all)[0]];
    const other = api.bench.commit('refs/heads/other', api.base, { 'other.txt': 'the task in conflict\n' });
    const request = requestFor(all, { mode: 'fast_forward', mustContain: [other] });
    expect(await lane.land(request, all)).toEqual({
      result: 'not_contained',
      projects: [{ projectId: 'api', expected: other, found: api.source }],
    });
  });
});
