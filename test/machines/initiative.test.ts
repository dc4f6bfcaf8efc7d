import { beforeEach, describe, expect, it } from 'vitest';
import type { InitiativeContext } from '../../src/machines/initiative-context.ts';
import { initiativeMachine } from '../../src/machines/initiative.ts';
import { ActorUnderTest } from './actor-under-test.ts';

const DIGEST = 'd'.repeat(64);
const input = {
  mode: 'review_per_phase',
  autostart: false,
  phaseLimit: 2,
  phases: 3,
  maxAttempts: 2,
  maxRounds: 2,
  maxConflicts: 3,
};
const newInitiative = (changes: object = {}) =>
  new ActorUnderTest<InitiativeContext>(initiativeMachine, { ...input, ...changes });
const request = (ordinal: number) => ({ type: 'slot.request', ordinal });
const granted = (child: number) => ({ to: { child }, event: { type: 'slot.granted' } });
const settled = { type: 'phase.settled', ordinal: 1, outcome: 'completed' };
const more = {
  type: 'initiative.addPhase',
  key: 'more',
  title: 'more',
  description: '',
  dependsOn: [1],
  draft: true,
  tasks: [],
};

let initiative: ActorUnderTest<InitiativeContext>;
beforeEach(() => {
  initiative = newInitiative();
});

function running(changes: object = {}): ActorUnderTest<InitiativeContext> {
  const one = newInitiative(changes);
  one.send({ type: 'initiative.start' });
  one.done('open');
  return one;
}

function inReview(changes: object = {}): ActorUnderTest<InitiativeContext> {
  const one = running({ phases: 0, ...changes });
  one.done('prove', { proven: true, missing: [] });
  one.done('review', { proven: true, missing: [], digest: DIGEST });
  return one;
}

function delivering(changes: object = {}): ActorUnderTest<InitiativeContext> {
  const one = inReview(changes);
  one.send({ type: 'initiative.approve', heads: {}, digest: DIGEST, strategies: {} });
  return one;
}

describe('slots', () => {
  it('are granted when the initiative has started, in the order of the plan, up to the limit', () => {
    initiative.send(request(3), request(1), request(2));
    expect(initiative.told).toEqual([]);
    initiative.send({ type: 'initiative.start' });
    initiative.done('open');
    expect(initiative.told).toEqual([granted(1), granted(2)]);
    expect(initiative.context).toMatchObject({ active: 2, waiting: [3] });
  });

  it('go on to the next phase when they come back', () => {
    initiative = running();
    initiative.send(request(1), request(2), request(3), { type: 'slot.returned', ordinal: 1 });
    expect(initiative.told).toEqual([granted(3)]);
  });

  it('are asked for once', () => {
    initiative.send(request(1), request(1));
    expect(initiative.context.waiting).toEqual([1]);
  });

  it('are not granted while the initiative is paused', () => {
    initiative = running();
    initiative.send({ type: 'initiative.pause' }, request(1));
    expect(initiative.told).toEqual([]);
    initiative.send({ type: 'initiative.resume' });
    expect(initiative.told).toContainEqual(granted(1));
  });
});

describe('an initiative', () => {
  it('waits to be started, unless its plan says that it starts at once', () => {
    expect(initiative.tags).toEqual(['needs_you', 'waiting']);
    expect(newInitiative({ autostart: true }).path).toBe('in_progress.opening');
  });
});

describe('an initiative under way', () => {
  it('waits for a person when a remote can not be read', () => {
    initiative.send({ type: 'initiative.start' });
    initiative.fails('open', 'no route');
    expect(initiative.path).toBe('in_progress.open_failed');
    expect(initiative.context.failure).toEqual({ code: 'effect_failed', message: 'no route' });
    initiative.send({ type: 'initiative.retry' });
    initiative.done('open');
    expect(initiative.context.failure).toBeNull();
  });

  it('counts a phase before the phase exists, and hands it its tasks in order', () => {
    initiative = running();
    const tasks = [{ key: 'a' }, { key: 'b' }];
    initiative.send({ ...more, tasks });
    expect(initiative.params('create')).toMatchObject({
      child: 4,
      machine: 'phase',
      input: { ordinal: 4, draft: true, dependsOn: [1], tasks: 0, planned: 2, paused: false },
    });
    expect(initiative.told).toEqual(
      tasks.map((task) => ({ to: { child: 4 }, event: { type: 'phase.planTask', ...task } })),
    );
    expect(initiative.context.next).toBe(5);
  });

  it('tells its phases of a pause and of the end of it', () => {
    initiative = running({ phases: 1 });
    initiative.send({ type: 'initiative.pause' });
    expect(initiative.told).toEqual([{ to: { child: 1 }, event: { type: 'initiative.paused' } }]);
    expect(initiative.params('pause.put')).toEqual({ paused: true });
    initiative.send({ type: 'initiative.resume' });
    expect(initiative.told).toEqual([{ to: { child: 1 }, event: { type: 'initiative.resumed' } }]);
    expect(initiative.params('pause.put')).toEqual({ paused: false });
  });

  it('lands the default branches on request, and goes on when that fails', () => {
    initiative = running();
    initiative.send({ type: 'initiative.sync' });
    initiative.fails('sync', { message: 7 });
    expect(initiative.path).toBe('in_progress.running.steady');
    expect(initiative.context.failure).toEqual({ code: 'effect_failed', message: 'the effect failed' });
  });

  it('makes a phase for a conflict with the default branches, and lets what runs go on', () => {
    initiative = running();
    initiative.send({ type: 'initiative.sync' });
    initiative.done('sync', { result: 'conflict', message: 'web:a.txt', projects: ['web'] });
    expect(initiative.path).toBe('in_progress.running.steady');
    expect(initiative.params('phase.insert')).toMatchObject({
      title: expect.stringContaining('conflict') as unknown,
    });
    expect(initiative.context.failure).toEqual({ code: 'conflict', message: 'web:a.txt' });
  });

  it('makes no second phase for a conflict that one resolves: it syncs again when that phase is settled', () => {
    initiative = running();
    initiative.send({ type: 'initiative.sync' });
    initiative.done('sync', { result: 'conflict', message: 'web:a.txt', projects: ['web'] });
    expect(initiative.send({ type: 'initiative.sync' })).toBe(false);
    initiative.send(settled);
    expect(initiative.send({ type: 'initiative.sync' })).toBe(false);
    initiative.send({ ...settled, ordinal: 4, outcome: 'canceled' });
    expect(initiative.send({ type: 'initiative.sync' })).toBe(true);
  });

  it('lands the default branches while phases are added, and is paused or canceled when that has ended', () => {
    initiative = running();
    initiative.send({ type: 'initiative.sync' }, more);
    expect(initiative.path).toBe('in_progress.syncing');
    initiative.send({ type: 'initiative.pause' });
    expect(initiative.params('pause.put')).toEqual({ paused: true });
    expect(initiative.path).toBe('in_progress.syncing');
    initiative.done('sync', { result: 'landed' });
    expect(initiative.path).toBe('in_progress.paused');
    initiative.send(
      { type: 'initiative.resume' },
      { type: 'initiative.sync' },
      { type: 'initiative.cancel' },
    );
    expect(initiative.path).toBe('in_progress.syncing');
    initiative.fails('sync');
    expect(initiative.path).toBe('canceling.draining');
  });

  it('lands the default branches in a review, which opens again afterwards', () => {
    initiative = inReview();
    initiative.send({ type: 'initiative.sync' });
    expect(initiative.context.heads).toBeNull();
    initiative.done('sync', { result: 'landed' });
    expect(initiative.path).toBe('in_progress.proving');
  });

  it('needs you while one of its phases does', () => {
    initiative = running();
    initiative.send({ type: 'phase.stuck', ordinal: 1 });
    expect(initiative.tags).toEqual(['busy', 'needs_you']);
    initiative.send({ type: 'phase.unstuck', ordinal: 1 });
    expect(initiative.tags).toEqual(['busy']);
  });

  it('R10: is reviewed when all phases are settled and proven', () => {
    initiative = running();
    initiative.send(settled, settled);
    expect(initiative.path).toBe('in_progress.running.steady');
    initiative.send(settled);
    initiative.done('prove', { proven: false, missing: ['one'] });
    expect(initiative.context.failure?.message).toContain('one');
    initiative.send({ type: 'initiative.recheck' });
    initiative.done('prove', { proven: true, missing: [] });
    expect(initiative.path).toBe('pending_review.opening');
  });
});

describe('the review of an initiative', () => {
  it('R11: approves exactly the heads that it serves, with a strategy per project', () => {
    initiative = inReview();
    const approve = { type: 'initiative.approve', heads: {}, strategies: { web: 'push_branch' } };
    expect(initiative.send({ ...approve, digest: '0'.repeat(64) })).toBe(false);
    expect(initiative.send({ ...approve, digest: DIGEST })).toBe(true);
    expect(initiative.params('strategy.put')).toEqual({
      many: [{ project: 'web', strategy: 'push_branch' }],
    });
    expect(initiative.params('xstate.spawnChild')).toMatchObject({
      src: 'initiative.deliver',
      input: { approved: DIGEST },
    });
  });

  it('ends in a decision when the rounds are used up', () => {
    initiative = inReview({ maxRounds: 1 });
    expect(initiative.send({ type: 'initiative.requestChanges', summary: 'again', comments: [] })).toBe(
      false,
    );
  });

  it('F5: serves nothing when something is missing as it is opened again', () => {
    initiative = inReview();
    initiative.send({ type: 'initiative.recheck' });
    initiative.done('review', { proven: false, missing: ['one'], digest: null });
    expect(initiative.path).toBe('in_progress.unproven');
    expect(initiative.context).toMatchObject({ heads: null, failure: { code: 'not_proven' } });
  });

  it('is void when a phase is added', () => {
    initiative = inReview();
    initiative.send(more);
    expect(initiative.path).toBe('in_progress.running.steady');
    expect(initiative.context.heads).toBeNull();
  });
});

describe('a delivery', () => {
  it.each([
    ['delivered', 'completed'],
    ['partially_delivered', 'partially_delivered'],
    ['heads_moved', 'pending_review.opening'],
    ['conflict', 'in_progress.running.steady'],
    ['refused', 'delivery_failed'],
    ['unreachable', 'delivery_failed'],
  ])('that comes to %s leads to %s', (result, path) => {
    initiative = delivering();
    initiative.done('deliver', { result });
    expect(initiative.path).toBe(path);
  });

  it('that conflicts gets a phase with one merge task where it does, as often in a row as the plan allows, and then a person', () => {
    initiative = delivering({ maxConflicts: 1 });
    initiative.done('deliver', { result: 'conflict', message: 'a.txt', projects: ['web'] });
    const next = initiative.context.next - 1;
    expect(initiative.params('phase.insert')).toMatchObject({ child: next, key: `merge-${next}` });
    expect(initiative.told).toEqual([
      {
        to: { child: next },
        event: expect.objectContaining({
          type: 'phase.planTask',
          category: 'merge',
          conflictOf: 'initiative',
          projects: ['web'],
        }) as unknown,
      },
    ]);
    expect(initiative.context).toMatchObject({ heads: null, approved: null, conflicts: 1 });
    const settlesAndMeetsAnother = (ordinal: number, outcome: string) => {
      initiative.send({ type: 'phase.settled', ordinal, outcome });
      initiative.done('prove', { proven: true, missing: [] });
      initiative.done('review', { proven: true, missing: [], digest: DIGEST });
      initiative.send({ type: 'initiative.approve', heads: {}, digest: DIGEST, strategies: {} });
      initiative.done('deliver', { result: 'conflict', message: 'b.txt' });
    };
    settlesAndMeetsAnother(next, 'completed');
    expect(initiative.path).toBe('in_progress.running.steady');
    settlesAndMeetsAnother(next + 1, 'canceled');
    expect(initiative.path).toBe('conflict_unresolved');
  });

  it('is of the heads that stand in place of those that were served, where the approval says so', () => {
    initiative = inReview();
    const lands = 'e'.repeat(64);
    initiative.send({ type: 'initiative.approve', heads: {}, digest: DIGEST, lands, strategies: {} });
    expect(initiative.params('xstate.spawnChild')).toMatchObject({ input: { approved: lands } });
  });

  it('whose end is unknown is left to a person', () => {
    initiative = delivering();
    initiative.fails('deliver');
    expect(initiative.tags).toEqual(['needs_you']);
  });

  it('F9: that is partial is resumed or taken back by one event', () => {
    initiative = delivering();
    initiative.done('deliver', { result: 'partially_delivered', message: 'web only' });
    expect(initiative.context.failure).toEqual({ code: 'partially_delivered', message: 'web only' });
    initiative.send({ type: 'initiative.resumeDelivery' });
    expect(initiative.path).toBe('delivering');
    initiative.done('deliver', { result: 'partially_delivered' });
    initiative.send({ type: 'initiative.revertDelivery' });
    initiative.fails('revert');
    expect(initiative.path).toBe('partially_delivered');
    initiative.send({ type: 'initiative.revertDelivery' });
    initiative.done('revert', { result: 'remote_refused', message: 'web: no' });
    expect(initiative.path).toBe('partially_delivered');
    expect(initiative.context.failure).toEqual({ code: 'remote_refused', message: 'web: no' });
    initiative.send({ type: 'initiative.revertDelivery' });
    initiative.done('revert', { result: 'prepared', plan: 'p' });
    expect(initiative.params('xstate.spawnChild')).toMatchObject({ input: { plan: 'p' } });
    initiative.done('push', { result: 'revert_refused', message: 'web: no' });
    expect(initiative.path).toBe('partially_delivered');
    initiative.send({ type: 'initiative.revertDelivery' });
    initiative.done('revert', { result: 'prepared', plan: 'q' });
    initiative.fails('push');
    expect(initiative.path).toBe('partially_delivered');
    initiative.send({ type: 'initiative.revertDelivery' });
    initiative.done('revert', { result: 'prepared', plan: 'r' });
    initiative.done('push', { result: 'reverted' });
    expect([initiative.path, initiative.context.failure]).toEqual(['pending_review.opening', null]);
  });

  it.each(['remote_moved', 'more_brought'])(
    'that is taken back is planned anew on %s, five times before a person is asked',
    (result) => {
      initiative = delivering();
      initiative.done('deliver', { result: 'partially_delivered' });
      initiative.send({ type: 'initiative.revertDelivery' });
      for (let plans = 1; plans <= 5; plans += 1) {
        expect(initiative.path).toBe('reverting.preparing');
        initiative.done('revert', { result: 'prepared', plan: `p${plans}` });
        initiative.done('push', { result });
      }
      expect(initiative.path).toBe('partially_delivered');
      expect(initiative.context.failure).toMatchObject({ code: result });
      initiative.send({ type: 'initiative.revertDelivery' });
      expect(initiative.context).toMatchObject({ revert: null, reverts: 0 });
    },
  );

  it('that is partial after a cancel and is synced goes on: the cancel is withdrawn', () => {
    initiative = delivering();
    initiative.send({ type: 'initiative.cancel' });
    initiative.done('deliver', { result: 'partially_delivered' });
    initiative.send({ type: 'initiative.sync' });
    initiative.done('sync', { result: 'landed' });
    expect(initiative.path).not.toMatch(/^cancel/);
    expect(initiative.context.cancelRequested).toBe(false);
  });

  it('that is taken back is brought to its end before a cancel', () => {
    initiative = delivering();
    initiative.done('deliver', { result: 'partially_delivered' });
    initiative.send({ type: 'initiative.revertDelivery' });
    initiative.send({ type: 'initiative.cancel' });
    expect(initiative.path).toBe('reverting.preparing');
    initiative.done('revert', { result: 'prepared', plan: 'p' });
    initiative.done('push', { result: 'reverted' });
    expect(initiative.path).toBe('canceling.retiring');
  });

  it('that is canceled meanwhile is decided by the result, and by a person when it is not known', () => {
    for (const [end, path] of [
      [{ result: 'delivered' }, 'completed'],
      [{ result: 'refused' }, 'canceling.retiring'],
      [null, 'canceling.retiring'],
      [{ result: 'remote_unreachable', unclear: true }, 'delivery_failed'],
    ] as const) {
      initiative = delivering();
      initiative.send({ type: 'initiative.cancel' });
      expect(initiative.path).toBe('delivering');
      if (end === null) initiative.fails('deliver');
      else initiative.done('deliver', end);
      expect(initiative.path).toBe(path);
    }
  });

  describe('of which remotes have a part', () => {
    const review = { proven: true, missing: [], digest: DIGEST };
    /** Partially delivered, and on its way again with a sync. */
    function syncing(changes: object = {}): ActorUnderTest<InitiativeContext> {
      const one = delivering(changes);
      one.done('deliver', { result: 'partially_delivered' });
      one.send({ type: 'initiative.sync' });
      return one;
    }
    function inReviewAgain(changes: object = {}): ActorUnderTest<InitiativeContext> {
      const one = syncing(changes);
      one.done('sync', { result: 'landed' });
      one.done('prove', { proven: true, missing: [] });
      one.done('review', review);
      return one;
    }
    function deliveringAgain(changes: object = {}): ActorUnderTest<InitiativeContext> {
      const one = inReviewAgain(changes);
      one.send({ type: 'initiative.approve', heads: {}, digest: DIGEST, strategies: {} });
      return one;
    }

    it.each([
      ['refused', false, 'partially_delivered'],
      ['conflict', false, 'partially_delivered'],
      [null, false, 'partially_delivered'],
      ['refused', true, 'partially_delivered'],
      ['heads_moved', true, 'partially_delivered'],
      [null, true, 'partially_delivered'],
      ['heads_moved', false, 'pending_review.opening'],
      ['delivered', true, 'completed'],
    ])('stays partial when it comes to %s (canceled: %s)', (result, isCanceled, path) => {
      initiative = deliveringAgain({ maxConflicts: 0 });
      if (isCanceled) initiative.send({ type: 'initiative.cancel' });
      if (result === null) initiative.fails('deliver');
      else initiative.done('deliver', { result });
      expect(initiative.path).toBe(path);
    });

    it.each([
      ['in review', inReviewAgain, () => {}],
      ['while it is synced', syncing, (one: typeof initiative) => one.done('sync', { result: 'landed' })],
      ['while a sync fails', syncing, (one: typeof initiative) => one.fails('sync')],
    ] as const)('is canceled %s by taking that back, and not resumed', (_, there, goOn) => {
      initiative = there();
      initiative.send({ type: 'initiative.cancel' });
      goOn(initiative);
      expect(initiative.path).toBe('partially_delivered');
      expect(initiative.context.failure).toMatchObject({ code: 'partially_delivered' });
      initiative.send({ type: 'initiative.resumeDelivery' });
      expect(initiative.path).toBe('partially_delivered');
      initiative.send({ type: 'initiative.revertDelivery' });
      initiative.done('revert', { result: 'prepared', plan: 'p' });
      initiative.done('push', { result: 'reverted' });
      expect(initiative.path).toBe('canceling.retiring');
    });

    it('is canceled like any other once that is taken back', () => {
      initiative = delivering();
      initiative.done('deliver', { result: 'partially_delivered' });
      initiative.send({ type: 'initiative.revertDelivery' });
      initiative.done('revert', { result: 'prepared', plan: 'p' });
      initiative.done('push', { result: 'reverted' });
      initiative.send({ type: 'initiative.cancel' });
      expect(initiative.path).toBe('canceling.retiring');
    });
  });
});

describe('a settled initiative', () => {
  it('still counts a slot that comes back late', () => {
    initiative = running({ phases: 1 });
    initiative.send(request(1), { type: 'initiative.cancel' }, settled);
    initiative.done('retire');
    expect(initiative.path).toBe('canceled');
    expect(initiative.send({ type: 'slot.returned', ordinal: 1 })).toBe(true);
    expect(initiative.context.active).toBe(0);
  });
});
