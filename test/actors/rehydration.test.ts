import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ActorDefinition } from '../../src/actors/definition.ts';
import { verify } from '../../src/actors/fold.ts';
import type { JsonObject } from '../../src/actors/json.ts';
import { Registry } from '../../src/actors/registry.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage, recorded } from './support/harness.ts';
import { nodeDefinition, noteWriters } from './support/machines.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** The same machine, two releases later: totals were doubled and then a thousand was added. */
const later: ActorDefinition = {
  ...nodeDefinition,
  version: 3,
  upgrades: {
    1: (snapshot) => withTotal(snapshot, (total) => total * 2),
    2: (snapshot) => withTotal(snapshot, (total) => total + 1_000),
  },
};

function withTotal(snapshot: JsonObject, change: (total: number) => number): JsonObject {
  const context = snapshot.context as { total: number };
  return { ...snapshot, context: { ...context, total: change(context.total) } };
}

const registryOf = (definition: ActorDefinition) =>
  new Registry({ definitions: [definition], effectKinds: ['node.work'], rowWriters: noteWriters });

describe('a snapshot of an earlier release', () => {
  it('is upgraded step by step on load, as a journal entry with the whole snapshot, and folds start there', async () => {
    const old = await stage.started();
    const id = await stage.born(old);
    await old.post(id, event('add', { by: 5 }));
    await old.stop();
    const young = await stage.started({ definitions: [later] });
    expect(young.readiness()).toMatchObject({ live: 1, toUpgrade: 1, quarantined: 0 });
    expect(stage.lines.map(({ message }) => message)).toContain(
      'rehydrated: 1 live, 1 to upgrade on load, 0 quarantined',
    );
    expect(await young.peek(id)).toMatchObject({ version: 2, context: { total: 1_010 } });
    const outcome = recorded(await young.post(id, event('add', { by: 1 }, { ifVersion: 2 })));
    expect(outcome.version).toBe(4);
    const [, , upgraded] = await young.journal(id);
    expect(upgraded).toMatchObject({
      type: 'actor.upgraded',
      event: { from: 1, to: 3, snapshot: { context: { total: 1_010 } } },
    });
    await verify(stage.sql, registryOf(later), id);
    expect((await young.peek(id))?.context.total).toBe(1_011);
  });

  it('that no upgrade can read is set aside and shown as it is, never guessed at', async () => {
    const old = await stage.started();
    const id = await stage.born(old);
    await old.stop();
    await stage.sql.query(
      `UPDATE actor SET snapshot = jsonb_set(snapshot, '{value}', '"a state of the past"') WHERE id = $1`,
      [id],
    );
    const young = await stage.started();
    expect(await young.post(id, event('noop'))).toMatchObject({ outcome: 'refused', code: 'quarantined' });
    expect(await young.peek(id)).toMatchObject({
      state: 'a state of the past',
      quarantined: { reason: expect.any(String) as string },
    });
    await stage.sql.query(
      `UPDATE actor SET snapshot = jsonb_set(snapshot, '{value}', '"idle"') WHERE id = $1`,
      [id],
    );
    expect(await young.replay(id)).toBe('lifted');
    expect((await young.post(id, event('noop'))).outcome).toBe('accepted');
  });

  it('is set aside when its upgrade throws', async () => {
    const old = await stage.started();
    const id = await stage.born(old);
    await old.stop();
    const thrower = {
      ...later,
      upgrades: {
        ...later.upgrades,
        2: () => {
          throw new Error('no idea');
        },
      },
    };
    const young = await stage.started({ definitions: [thrower] });
    expect(await young.post(id, event('noop'))).toMatchObject({ code: 'quarantined' });
    expect(await stage.count('actor_quarantine')).toBe(1);
  });
});

describe('a snapshot of a newer release', () => {
  it('is left to the processes of that release, not set aside', async () => {
    const young = await stage.started({ definitions: [later] });
    const id = await stage.born(young);
    const old = await stage.started();
    expect(await old.post(id, event('noop'))).toMatchObject({ outcome: 'refused' });
    expect(await stage.count('actor_quarantine')).toBe(0);
    expect((await young.post(id, event('noop'))).outcome).toBe('accepted');
  });
});

describe('a start', () => {
  it('answers before any snapshot is loaded and goes on with what was under way', async () => {
    const first = stage.runtime();
    const ids = await Promise.all(Array.from({ length: 30 }, () => stage.born(first)));
    await Promise.all(ids.map((id) => first.post(id, event('work', { job: id }))));
    await first.stop();
    const second = await stage.started();
    expect(second.readiness()).toMatchObject({ ready: true, live: 30 });
    await eventually(async () => {
      const views = await second.peekMany(ids);
      expect(views.map(({ id, context }) => [id, context.result])).toEqual(
        views.map(({ id }) => [id, { echo: id }]),
      );
    });
    for (const id of ids) await verify(stage.sql, registryOf(nodeDefinition), id);
  });
});
