import { randomUUID } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { childId } from '../../src/actors/address.ts';
import type { Incoming } from '../../src/actors/incoming.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage, recorded } from './support/harness.ts';
import { committerOver, nodeRegistry, pend } from './support/bench.ts';
import { verify } from '../../src/actors/fold.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** The messages that wait, oldest first. */
async function waiting(to: string): Promise<Incoming[]> {
  const { rows } = await stage.sql.query<{
    id: string;
    from_id: string;
    seq: string;
    place: number;
    event: Incoming['event'];
  }>(`SELECT id, from_id, seq, place, event FROM message WHERE to_id = $1 ORDER BY seq, place`, [to]);
  return rows.map((row) => ({
    id: row.id,
    event: row.event,
    sender: 'message',
    principal: `actor:${row.from_id}`,
    origin: {
      kind: 'message',
      messageId: row.id,
      fromId: row.from_id,
      seq: Number(row.seq),
      place: row.place,
    },
  }));
}

describe('messages', () => {
  it('arrive in the order they were sent, over many turns', async () => {
    const runtime = await stage.started();
    const [from, to] = [await stage.born(runtime), await stage.born(runtime)];
    const sent = Array.from({ length: 20 }, (_, turn) => [turn * 3, turn * 3 + 1, turn * 3 + 2]);
    await Promise.all(sent.map((ns) => runtime.post(from, event('tell', { to: { actor: to }, ns }))));
    await eventually(async () => expect((await runtime.peek(to))?.context.heard).toEqual(sent.flat()));
    await verify(stage.sql, nodeRegistry(), to);
  });

  it('that are handed over in reverse in one batch are applied in order', async () => {
    // Nothing is started: the test alone delivers.
    const asleep = committerOver(stage.sql);
    const runtime = stage.runtime();
    const [from, to] = [await stage.born(runtime), await stage.born(runtime)];
    await asleep.commit([
      {
        actorId: from,
        pendings: [pend(from, { posted: event('tell', { to: { actor: to }, ns: [1, 2, 3] }) })],
      },
    ]);
    const reversed = (await waiting(to)).toReversed().map((incoming) => pend(to, { incoming }));
    expect(reversed).toHaveLength(3);
    expect(await committerOver(stage.sql).commit([{ actorId: to, pendings: reversed }])).toEqual([]);
    expect((await runtime.peek(to))?.context.heard).toEqual([1, 2, 3]);
    await runtime.stop();
  });

  it('wait for the one before: a later message alone does not go through', async () => {
    const asleep = committerOver(stage.sql);
    const runtime = stage.runtime();
    const [from, to] = [await stage.born(runtime), await stage.born(runtime)];
    await asleep.commit([
      { actorId: from, pendings: [pend(from, { posted: event('tell', { to: { actor: to }, ns: [1, 2] }) })] },
    ]);
    const [first, second] = (await waiting(to)).map((incoming) => pend(to, { incoming }));
    if (first === undefined || second === undefined) throw new Error('two messages were sent');
    expect(await asleep.commit([{ actorId: to, pendings: [second] }])).toMatchObject([{ why: 'lost' }]);
    expect((await runtime.peek(to))?.context.heard).toEqual([]);
    expect(await asleep.commit([{ actorId: to, pendings: [first] }])).toEqual([]);
    expect(await asleep.commit([{ actorId: to, pendings: [second] }])).toEqual([]);
    expect((await runtime.peek(to))?.context.heard).toEqual([1, 2]);
    await runtime.stop();
  });

  it('are delivered once by whichever process finds them', async () => {
    const asleep = committerOver(stage.sql);
    const writer = stage.runtime();
    const [from, to] = [await stage.born(writer), await stage.born(writer)];
    const ns = Array.from({ length: 40 }, (_, n) => n);
    await asleep.commit([
      { actorId: from, pendings: [pend(from, { posted: event('tell', { to: { actor: to }, ns }) })] },
    ]);
    const [one] = await Promise.all([stage.started(), stage.started(), stage.started()]);
    await eventually(async () => expect((await one.peek(to))?.context.heard).toEqual(ns));
    expect(await stage.count('message')).toBe(0);
    await writer.stop();
  });

  it('to an actor that does not exist go to the dead letters', async () => {
    const runtime = await stage.started();
    const from = await stage.born(runtime);
    const nobody = randomUUID();
    await runtime.post(from, event('tell', { to: { actor: nobody }, ns: [7] }));
    await eventually(async () => expect(await stage.count('dead_letter', `to_id = '${nobody}'`)).toBe(1));
    expect(await stage.count('message')).toBe(0);
  });

  it('to a parent that is not there reject the event that sends them', async () => {
    const runtime = await stage.started();
    const id = await stage.born(runtime);
    expect(await runtime.post(id, event('settle'))).toMatchObject({ outcome: 'rejected', state: 'idle' });
  });

  it('reach child, sibling and parent by their place in the family', async () => {
    const runtime = await stage.started();
    const parent = await stage.born(runtime);
    await runtime.post(parent, event('bear'));
    await runtime.post(parent, event('bear'));
    const [first, second] = [childId(parent, 1), childId(parent, 2)];
    await runtime.post(parent, event('tell', { to: { child: 1 }, ns: [1] }));
    await runtime.post(first, event('tell', { to: { sibling: 2 }, ns: [2] }));
    await runtime.post(second, event('tell', { to: 'parent', ns: [3] }));
    await eventually(async () => {
      const heard = await Promise.all(
        [first, second, parent].map(async (id) => (await runtime.peek(id))?.context.heard),
      );
      expect(heard).toEqual([[1], [2], [3]]);
    });
  });
});

describe('a family', () => {
  it('counts a child that is added while the parent settles before it can end', async () => {
    const [here, there] = [await stage.started(), await stage.started()];
    const outcomes = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const runtime = here;
      const parent = await stage.born(runtime);
      await runtime.post(parent, event('bear'));
      await runtime.post(childId(parent, 1), event('settle'));
      // The last child's word, the close and a new child race for the parent.
      const adding = () => runtime.post(parent, event('bear'));
      const [bear, close] =
        round % 3 === 0
          ? await Promise.all([adding(), runtime.post(parent, event('close'))])
          : round % 3 === 1
            ? (await Promise.all([runtime.post(parent, event('close')), adding()])).toReversed()
            : await Promise.all([adding(), there.post(parent, event('close'))]);
      if (bear === undefined || close === undefined) throw new Error('two were posted');
      outcomes.add(close.outcome);
      const view = await runtime.peek(parent);
      const child = await runtime.peek(childId(parent, 2));
      if (close.outcome === 'accepted') {
        expect(bear).toMatchObject({ outcome: 'refused', code: 'not_active' });
        expect(child).toBeNull();
      } else {
        expect(recorded(bear).outcome).toBe('accepted');
        expect(view?.state).toBe('idle');
        expect(child).toMatchObject({ state: 'idle' });
      }
    }
    // Both orders were played.
    expect([...outcomes].toSorted()).toEqual(['accepted', 'refused']);
  });

  it('has no child twice: the turn that would bear it again is refused whole', async () => {
    const runtime = await stage.started();
    const parent = await stage.born(runtime);
    await runtime.post(parent, event('bear'));
    expect(await runtime.post(parent, event('twin'))).toMatchObject({
      outcome: 'refused',
      code: 'constraint',
    });
    expect(await runtime.journal(childId(parent, 1))).toHaveLength(1);
  });
});
