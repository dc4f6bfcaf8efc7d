import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { childId } from '../../src/actors/address.ts';
import type { Runtime } from '../../src/actors/runtime.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage, recorded } from './support/harness.ts';

let stage: Stage;
let runtime: Runtime;
beforeAll(async () => {
  stage = await openStage();
  runtime = await stage.started();
});
afterAll(() => stage.close());

describe('an event', () => {
  it('is accepted with version, state, tags and what may come next', async () => {
    const id = await stage.born(runtime);
    const outcome = recorded(await runtime.post(id, event('work', { job: 'a' })));
    expect(outcome).toMatchObject({
      outcome: 'accepted',
      actorId: id,
      version: 2,
      state: 'working',
      tags: ['busy'],
    });
    expect(outcome.next).toContain('stop');
    expect(outcome.next).not.toContain('nap');
    expect(outcome.next).not.toContain('secret');
  });

  it('has its effect run and the result applied once', async () => {
    const id = await stage.born(runtime);
    await runtime.post(id, event('work', { job: 'hello' }));
    await eventually(async () => expect((await runtime.peek(id))?.context.result).toEqual({ echo: 'hello' }));
    expect(await stage.count('effect', `actor_id = '${id}'`)).toBe(0);
    expect((await runtime.journal(id)).map(({ type }) => type)).toEqual([
      'actor.created',
      'work',
      'xstate.done.actor.work',
    ]);
    const { rows } = await stage.sql.query(
      `SELECT effect_id FROM note WHERE actor_id = $1 AND key = 'result'`,
      [id],
    );
    const [, , done] = await runtime.journal(id);
    expect(rows[0]?.effect_id).toBe(done?.effectId);
  });

  it('creates children whose rows are there with the parent', async () => {
    const id = await stage.born(runtime);
    await runtime.post(id, event('bear'));
    const child = childId(id, 1);
    expect(await runtime.peek(child)).toMatchObject({
      id: child,
      parentId: id,
      rootId: id,
      version: 1,
      context: { total: 1 },
    });
    const { rows } = await stage.sql.query(
      `SELECT child_id FROM note WHERE actor_id = $1 AND key = 'child 1'`,
      [id],
    );
    expect(rows[0]?.child_id).toBe(child);
    expect(await runtime.listByRoot(id)).toHaveLength(2);
  });

  it('nets the rows of one key, and the last one is written once', async () => {
    const id = await stage.born(runtime);
    await runtime.post(id, event('notes', { key: 'k' }));
    const { rows } = await stage.sql.query(`SELECT value, writes FROM note WHERE actor_id = $1`, [id]);
    expect(rows).toEqual([{ value: 3, writes: 1 }]);
  });
});
