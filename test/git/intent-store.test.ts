import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeIntents, hasOpenIntents, type PgIntentStore } from '../../src/db/intent-store.ts';
import type { Entered, LandingClaim, Lane, StoredIntent } from '../../src/git/intent-store.ts';
import { LaneBusy } from '../../src/git/landing-types.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { LandingBench, projects, requestFor, target, unit } from './landing-support.ts';
import { author, git } from './support.ts';

let database: TestDatabase;
let lane: LandingBench;
beforeAll(async () => {
  database = await createTestDatabase({ poolSize: 10 });
  lane = new LandingBench(database);
});
beforeEach(() => lane.reset());
afterAll(() => database.close());

const on = (...names: string[]): Lane[] => names.map((name) => ({ projectId: name, ref: target }));

function enter(effectId: string, lanes: Lane[], attempt = 1): Promise<Entered> {
  return lane.store().enter({ effectId, attempt, unit, author, lanes });
}

async function claimOf(effectId: string, lanes: Lane[], attempt = 1): Promise<LandingClaim> {
  const entered = await enter(effectId, lanes, attempt);
  if (!entered.held) throw new Error(`behind ${entered.behind}`);
  return entered.claim;
}

function intent(projectId: string): StoredIntent {
  return {
    projectId,
    ref: target,
    mode: 'merge',
    source: 'a'.repeat(40),
    result: 'merged',
    before: 'b'.repeat(40),
    after: 'c'.repeat(40),
    state: 'prepared',
    outcome: null,
  };
}

async function open(effectId: string, store: PgIntentStore = lane.store()): Promise<LandingClaim> {
  const claim = await claimOf(effectId, on('a'));
  await store.prepare(claim, [intent('a')]);
  await store.open(claim);
  return claim;
}

describe('a lane', () => {
  it('is held by one landing, and the others follow in the order in which they came', async () => {
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    const claim = await claimOf(first, on('a'));
    expect(await enter(second, on('a'))).toMatchObject({ held: false, behind: first });
    expect(await enter(third, on('a'))).toMatchObject({ held: false, behind: first });
    await lane.store().leave(claim);
    expect(await enter(third, on('a'))).toMatchObject({ held: false, behind: second });
    expect(await enter(second, on('a'))).toMatchObject({ held: true });
  });

  it('of another target is free', async () => {
    await claimOf(randomUUID(), on('a'));
    expect(await enter(randomUUID(), on('b'))).toMatchObject({ held: true });
  });

  it('is never waited for in a circle by landings over several targets', async () => {
    const all = Array.from({ length: 8 }, () => randomUUID());
    const lanes = [on('a', 'b'), on('b', 'c'), on('c', 'a'), on('a', 'b', 'c')];
    const done = new Set<string>();
    for (let round = 0; round < 40 && done.size < all.length; round++) {
      await Promise.all(
        all
          .filter((id) => !done.has(id))
          .map(async (id, index) => {
            const entered = await enter(id, lanes[index % 4] ?? []);
            if (!entered.held) return;
            await lane.store().leave(entered.claim);
            done.add(id);
          }),
      );
    }
    expect(done.size).toBe(all.length);
  });

  it('forgets who does not come back, and gives it a new place when it does', async () => {
    const [gone, next] = [randomUUID(), randomUUID()];
    const claim = await claimOf(gone, on('a'));
    expect(await enter(next, on('a'))).toMatchObject({ held: false });
    await database.sql.query(
      `UPDATE landing SET lease_until = db_now() - interval '1 s' WHERE effect_id = $1`,
      [gone],
    );
    expect(await enter(next, on('a'))).toMatchObject({ held: true });
    await expect(lane.store().prepare(claim, [intent('a')])).rejects.toMatchObject({
      code: 'landing_superseded',
    });
    expect(await enter(gone, on('a'))).toMatchObject({ held: false, behind: next });
  });
});

describe('a claim', () => {
  it('of a newer attempt makes every write of an older one powerless', async () => {
    const store = lane.store();
    const effectId = randomUUID();
    const old = await claimOf(effectId, on('a'));
    const claim = await claimOf(effectId, on('a'), 2);
    const writes = [
      () => store.prepare(old, [intent('a')]),
      () => store.open(old),
      () => store.settle(old, 'done'),
      () => store.abort(old),
      () => store.close(old),
      () => store.leave(old),
      () => store.assertHeld(old),
      () => store.replace(old, 'a', 'x', 'y'),
    ];
    for (const write of writes) {
      await expect(write()).rejects.toMatchObject({ code: 'landing_superseded' });
    }
    expect([await store.renew(old), await store.renew(claim)]).toEqual([false, true]);
    await expect(enter(effectId, on('a'), 1)).rejects.toMatchObject({ code: 'landing_superseded' });
  });
});

describe('an open intent', () => {
  it('owns its ref: no other landing may enter the lane, though its own has left it', async () => {
    const owner = randomUUID();
    const claim = await open(owner);
    await lane.store().leave(claim);
    expect(await enter(randomUUID(), on('a'))).toMatchObject({ held: false, behind: owner });
    expect(await lane.store().ownedRefs('a')).toEqual([target]);
    expect(await hasOpenIntents(database.sql, owner)).toBe(true);
    expect(await hasOpenIntents(database.sql, randomUUID())).toBe(false);
  });

  it('can not be written twice for one ref', async () => {
    const other = randomUUID();
    const second = await claimOf(other, on('a'));
    await lane.store().prepare(second, [intent('a')]);
    await database.sql.query('DELETE FROM landing_lane');
    await open(randomUUID());
    await expect(lane.store().open(second)).rejects.toBeInstanceOf(LaneBusy);
  });

  it('goes before every other landing when its own comes back', async () => {
    const owner = randomUUID();
    await open(owner);
    await database.sql.query('DELETE FROM landing_lane');
    await enter(randomUUID(), on('a'));
    expect(await enter(owner, on('a'), 2)).toMatchObject({ held: true });
  });

  it('of a landing that lives is not taken over, of one whose lease is over it is', async () => {
    const owner = randomUUID();
    const claim = await open(owner);
    const heir = { effectId: randomUUID(), fence: 1 };
    expect(await lane.store().takeOver(heir, on('a'))).toEqual([]);
    await lane.endLeases();
    expect(await lane.store().takeOver(heir, on('a'))).toMatchObject([
      { effectId: owner, fence: claim.fence + 1, intents: [{ projectId: 'a', state: 'open' }] },
    ]);
    await expect(lane.store().settle(claim, 'done')).rejects.toMatchObject({ code: 'landing_superseded' });
  });

  it("is closed by the row writer, in the statement that commits the actor's result, and only when it was settled", async () => {
    const store = lane.store('process-2');
    const [settled, unsettled] = [randomUUID(), randomUUID()];
    const claim = await open(settled);
    await database.sql.query('DELETE FROM landing_lane');
    const other = await claimOf(unsettled, on('b'));
    await store.prepare(other, [intent('b')]);
    await store.open(other);
    await store.settle(claim, 'done');
    const close = `WITH rows AS (SELECT unnest($1::uuid[]) AS effect_id), closing AS (${closeIntents.statement('rows')}) SELECT 1`;
    await database.sql.query(close, [[settled, unsettled]]);
    const { rows } = await database.sql.query(
      `SELECT effect_id, state, opened_by, settled_by FROM landing JOIN landing_intent USING (effect_id) ORDER BY project_id`,
    );
    expect(rows).toEqual([
      { effect_id: settled, state: 'closed', opened_by: 'process-1', settled_by: 'process-2' },
      { effect_id: unsettled, state: 'open', opened_by: 'process-2', settled_by: null },
    ]);
  });
});

describe('landings at once', () => {
  it('on one target land one after another, each of them whole', async () => {
    const all = projects(['a', 'b']);
    const requests = Array.from({ length: 5 }, (_, index) => {
      const ref = `refs/heads/signalbox/i/task/p/t${index}`;
      return requestFor(
        all.map((project) => ({
          ...project,
          source: project.bench.commit(ref, project.base, { [`file-${index}.txt`]: `${index}\n` }),
        })),
        { sourceRef: ref },
      );
    });
    const landWaiting = async (request: (typeof requests)[0]): Promise<void> => {
      for (;;) {
        try {
          expect(await lane.land(request, all)).toMatchObject({ result: 'landed' });
          return await lane.closeIntents(request.effectId);
        } catch (error) {
          if (!(error instanceof LaneBusy)) throw error;
          await new Promise((resolve) => setTimeout(resolve, error.delayMs));
        }
      }
    };
    await Promise.all(requests.map(landWaiting));
    for (const { bench } of all) {
      const names = git(bench.dir, 'ls-tree', '--name-only', target).split('\n');
      expect(names).toEqual(expect.arrayContaining(requests.map((_, index) => `file-${index}.txt`)));
      expect(Number(git(bench.dir, 'rev-list', '--count', '--merges', target))).toBe(5);
    }
  });
});
