import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { commitStatement } from '../../src/actors/commit.sql.ts';
import type { Delivery, Job } from '../../src/actors/pending.ts';
import { takeTurn } from '../../src/actors/turn.ts';
import type { Stage } from './support/harness.ts';
import { event, openStage } from './support/harness.ts';
import { bear } from '../../src/actors/birth.ts';
import { committerOver, nodeRegistry, pend } from './support/bench.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const outcomes = async (deliveries: readonly Promise<Delivery>[]) =>
  (await Promise.all(deliveries)).map(({ outcome }) => outcome);

describe('a batch', () => {
  it.each([
    ['U+0000', 'bad\u0000text', '22P05'],
    ['a lone surrogate', 'bad\ud800text', '22P02'],
  ])('of 256 events with %s in one of them harms no other', async (_, poison, sqlstate) => {
    const runtime = stage.runtime();
    const ids = await Promise.all(Array.from({ length: 64 }, () => stage.born(runtime)));
    // Past the door, as if it had let the text in.
    const jobs: Job[] = ids.map((actorId, index) => ({
      actorId,
      pendings: [0, 1, 2, 3].map((n) =>
        pend(actorId, { posted: event('say', { text: index === 41 && n === 2 ? poison : `fine ${n}` }) }),
      ),
    }));
    expect(await committerOver(stage.sql).commit(jobs)).toEqual([]);
    const deliveries = jobs.flatMap(({ pendings }) => pendings.map(({ answered }) => answered));
    const refused = (await Promise.all(deliveries)).filter(({ outcome }) => outcome !== 'accepted');
    expect(refused).toEqual([
      expect.objectContaining({ outcome: 'refused', code: 'constraint', details: { sqlstate } }),
    ]);
    expect(await stage.count('journal', `type = 'say'`)).toBe(255);
    expect((await runtime.peek(ids[41] ?? ''))?.version).toBe(4);
    await runtime.stop();
  });

  it('keeps the guilty event apart from those of the same actor, before and after it', async () => {
    const runtime = stage.runtime();
    const id = await stage.born(runtime);
    const pendings = [1, 5_000, 3].map((value) =>
      pend(id, { posted: event('note', { key: `k${value}`, value }) }),
    );
    expect(await committerOver(stage.sql).commit([{ actorId: id, pendings }])).toEqual([]);
    expect(await outcomes(pendings.map(({ delivery }) => delivery))).toEqual([
      'accepted',
      'refused',
      'accepted',
    ]);
    expect(await stage.count('note', `actor_id = '${id}'`)).toBe(2);
    await runtime.stop();
  });

  it('answers nobody when the connection is lost, and applies once when the same events are tried again', async () => {
    const runtime = stage.runtime();
    const id = await stage.born(runtime);
    let isCut = true;
    // The statement commits and its answer never comes.
    const cut = {
      ...stage.sql,
      transaction: stage.sql.transaction.bind(stage.sql),
      listen: stage.sql.listen.bind(stage.sql),
      async query<R>(text: string, params?: readonly unknown[], name?: string) {
        const result = await stage.sql.query<R>(text, params, name);
        if (isCut && text.startsWith('WITH turn')) throw new Error('Connection terminated unexpectedly');
        return result;
      },
    };
    const committer = committerOver(cut);
    const pending = pend(id, { posted: event('add', { by: 3 }) });
    expect(await committer.commit([{ actorId: id, pendings: [pending] }])).toMatchObject([
      { why: 'unknown' },
    ]);
    isCut = false;
    pending.isUncertain = true;
    expect(await committer.commit([{ actorId: id, pendings: [pending] }])).toEqual([]);
    expect(await pending.delivery).toMatchObject({ outcome: 'duplicate', version: 2 });
    expect((await runtime.peek(id))?.context.total).toBe(3);
    await runtime.stop();
  });

  it('waits for the disk whatever the session says', async () => {
    const runtime = stage.runtime();
    const id = await stage.born(runtime);
    const registry = nodeRegistry();
    const { actor } = bear(registry, {
      id,
      machine: 'node',
      rootId: id,
      parentId: null,
      input: {},
      principal: 'test',
    });
    const incoming = { ...event('noop'), event: { type: 'noop' }, origin: null };
    const turn = takeTurn(registry, { ...actor, upgradedFrom: null }, [incoming]);
    const { text, values } = commitStatement([turn], registry.rowWriters);
    const seen = await stage.sql.transaction(async (tx) => {
      await tx.query('SET LOCAL synchronous_commit = off');
      expect((await tx.query(text, values)).rowCount).toBe(1);
      return tx.query<{ synchronous_commit: string }>('SHOW synchronous_commit');
    });
    expect(seen.rows[0]?.synchronous_commit).toBe('on');
    await runtime.stop();
  });

  it('does not touch an actor whose version is not the one it builds on', async () => {
    const runtime = stage.runtime();
    const [first, second] = [committerOver(stage.sql), committerOver(stage.sql)];
    const id = await stage.born(runtime);
    const add = () => pend(id, { posted: event('add', { by: 1 }) });
    await first.commit([{ actorId: id, pendings: [add()] }]);
    await second.commit([{ actorId: id, pendings: [add()] }]);
    expect(await first.commit([{ actorId: id, pendings: [add()] }])).toMatchObject([{ why: 'lost' }]);
    expect(await runtime.peek(id)).toMatchObject({ version: 3, context: { total: 2 } });
    await runtime.stop();
  });
});
