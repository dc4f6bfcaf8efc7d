import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { LandingBench, type Project, projects, requestFor, sourceRef, target } from './landing-support.ts';
import { git } from './support.ts';

let database: TestDatabase;
let lane: LandingBench;
beforeAll(async () => {
  database = await createTestDatabase();
  lane = new LandingBench(database);
});
beforeEach(() => lane.reset());
afterAll(() => database.close());

describe('a landing that can not go on in one project', () => {
  it('leaves a ref alone that an outside writer has built on, and says so with the conflict', async () => {
    const all = projects(['a', 'b', 'c'], () => ({ 'shared.txt': 'one\nthe task\nthree\n' }));
    const [a, b, c] = all as [Project, Project, Project];
    const request = requestFor(all);
    await lane.landUntil('after-prepare', request, all);
    const stored = await lane.store().load(request.effectId);
    const [afterA = '', afterB = ''] = stored?.intents.map(({ after }) => after) ?? [];
    a.bench.outsideUpdate(target, a.bench.commit('refs/heads/on-top', afterA, { 'on-top.txt': 'by hand\n' }));
    b.bench.outsideUpdate(target, afterB);
    const outside = c.bench.commit('refs/heads/outside', c.base, { 'shared.txt': 'one\nby hand\nthree\n' });
    c.bench.outsideUpdate(target, outside);
    const built = a.bench.tip(target) ?? '';
    const warnings: string[] = [];
    const log = { info: () => undefined, warn: (_: unknown, message: string) => void warnings.push(message) };
    const expected = {
      result: 'conflict',
      conflicts: [
        { projectId: 'c', target: outside, conflicts: [{ path: 'shared.txt' }] },
        { projectId: 'a', target: built, conflicts: [{ path: target, type: 'KEPT (outside commits)' }] },
      ],
    };
    expect(await lane.land({ ...request, attempt: 2 }, all, { log })).toMatchObject(expected);
    expect([a, b, c].map(({ bench }) => bench.tip(target))).toEqual([built, b.base, outside]);
    expect(warnings).toContainEqual(expect.stringContaining('stays on this ref'));
    // Whoever comes back for the answer is told the same, and nothing moves.
    expect(await lane.land({ ...request, attempt: 3 }, all)).toMatchObject(expected);
    expect([a, b, c].map(({ bench }) => bench.tip(target))).toEqual([built, b.base, outside]);
    // The resolution of the conflict brings the unit to the others; here it has landed already.
    await lane.closeIntents(request.effectId);
    const resolved = c.bench.commit(sourceRef, c.source, { 'shared.txt': 'one\nboth\nthree\n' });
    const merge = git(
      c.bench.dir,
      'commit-tree',
      '-m',
      'Resolve',
      '-p',
      resolved,
      '-p',
      outside,
      `${resolved}^{tree}`,
    );
    c.bench.outsideUpdate(sourceRef, merge);
    expect(await lane.land(requestFor([a, b, { ...c, source: merge }]), all)).toMatchObject({
      result: 'landed',
      projects: [{ result: 'already' }, { result: 'merged' }, { result: 'merged' }],
    });
  });

  it('also ends whole when it dies again while it moves back', async () => {
    const all = projects(['a', 'b', 'c'], () => ({ 'shared.txt': 'one\nthe task\nthree\n' }));
    const [a, b, c] = all as [Project, Project, Project];
    const outside = c.bench.commit('refs/heads/outside', c.base, { 'shared.txt': 'one\nby hand\nthree\n' });
    const request = requestFor(all);
    await lane.landUntil('after-prepare', request, all);
    const stored = await lane.store().load(request.effectId);
    for (const intent of stored?.intents.slice(0, 2) ?? [])
      all.find(({ id }) => id === intent.projectId)?.bench.outsideUpdate(target, intent.after);
    c.bench.outsideUpdate(target, outside);
    await lane.landUntil('between-commits', { ...request, attempt: 2 }, all);
    expect([a.bench.tip(target) === a.base, b.bench.tip(target) === b.base]).toEqual([true, false]);
    expect(await lane.land({ ...request, attempt: 3 }, all)).toMatchObject({ result: 'conflict' });
    expect([a, b, c].map(({ bench }) => bench.tip(target))).toEqual([a.base, b.base, outside]);
  });
});
