import { beforeEach, describe, expect, it } from 'vitest';
import type { PhaseContext } from '../../src/machines/phase-context.ts';
import { phaseMachine } from '../../src/machines/phase.ts';
import { phaseEvents } from '../../src/machines/phase-events.ts';
import { ActorUnderTest } from './actor-under-test.ts';

const DIGEST = 'd'.repeat(64);
const input = {
  ordinal: 2,
  mode: 'review_per_phase',
  draft: false,
  dependsOn: [],
  tasks: 2,
  paused: false,
  maxAttempts: 2,
  maxRounds: 2,
  maxConflicts: 3,
};
const newPhase = (changes: object = {}) =>
  new ActorUnderTest<PhaseContext>(phaseMachine, { ...input, ...changes });
const settled = { type: 'task.settled', ordinal: 1, outcome: 'completed' };
const more = {
  type: 'phase.addTask',
  key: 'more',
  title: 'more',
  description: '',
  dependsOn: [1],
  priority: 40,
  capabilities: [],
  needsReview: true,
  projects: ['web'],
};
const toParent = (type: string) => ({ to: 'parent', event: { type, ordinal: 2 } });

let phase: ActorUnderTest<PhaseContext>;
beforeEach(() => {
  phase = newPhase();
});

function underWay(changes: object = {}): ActorUnderTest<PhaseContext> {
  const one = newPhase(changes);
  one.send({ type: 'slot.granted' });
  one.done('open');
  return one;
}

function inReview(changes: object = {}): ActorUnderTest<PhaseContext> {
  const one = underWay(changes);
  one.send(settled, settled);
  one.done('prove', { proven: true, missing: [] });
  one.done('review', { proven: true, missing: [], digest: DIGEST });
  return one;
}

describe('a phase that waits', () => {
  it('asks for a slot when nothing is pending', () => {
    expect(phase.path).toBe('queued');
    expect(phase.told).toEqual([toParent('slot.request')]);
  });

  it('that is a draft waits until its plan is agreed to', () => {
    const draft = newPhase({ draft: true });
    expect(draft.tags).toEqual(['needs_you', 'waiting']);
    draft.send({ type: 'phase.approvePlan' });
    expect(draft.path).toBe('queued');
  });

  it('is canceled with what it depends on when the cancel says so', () => {
    const waiting = newPhase({ dependsOn: [1] });
    waiting.send({ type: 'dependency.settled', of: 1, outcome: 'canceled', policy: 'cancel' });
    expect(waiting.path).toBe('canceling.draining');
    expect(waiting.told).toEqual([
      { to: { child: 1 }, event: { type: 'phase.canceling' } },
      { to: { child: 2 }, event: { type: 'phase.canceling' } },
    ]);
  });

  it('that is a draft is canceled with what it depends on as well, and only when the cancel says so', () => {
    const draft = newPhase({ draft: true, dependsOn: [1, 3] });
    draft.send({ type: 'dependency.settled', of: 3, outcome: 'canceled', policy: 'release' });
    expect([draft.path, draft.context.pending]).toEqual(['draft', [1]]);
    draft.send({ type: 'dependency.settled', of: 1, outcome: 'canceled', policy: 'cancel' });
    expect([draft.path, draft.context.outcome]).toEqual(['canceling.draining', 'canceled']);
  });

  it('that is stranded goes on when it is linked to something else', () => {
    const waiting = newPhase({ dependsOn: [1] });
    waiting.send({ type: 'dependency.settled', of: 1, outcome: 'canceled', policy: 'keep' });
    expect(waiting.path).toBe('blocked.stranded');
    waiting.send({ type: 'phase.relink', dependsOn: [] });
    expect(waiting.path).toBe('queued');
  });

  it('can not be linked to itself', () => {
    expect(newPhase({ dependsOn: [1] }).send({ type: 'phase.relink', dependsOn: [2] })).toBe(false);
  });

  it('does not take a task between those of its plan', () => {
    const planned = newPhase({ tasks: 0, planned: 1 });
    expect(planned.send(more)).toBe(false);
    expect(planned.send({ ...more, type: 'phase.planTask' })).toBe(true);
    expect(planned.send(more)).toBe(true);
    expect(planned.context.next).toBe(3);
  });

  it('gives back a slot that it does not want', () => {
    phase.send({ type: 'phase.cancel' });
    expect(phase.told).toContainEqual(toParent('slot.withdrawn'));
    phase.send({ type: 'slot.granted' });
    expect(phase.told).toEqual([toParent('slot.returned')]);
  });
});

describe('a phase under way', () => {
  it('opens its branch, then its tasks', () => {
    phase.send({ type: 'slot.granted' });
    expect(phase.params('xstate.spawnChild')).toMatchObject({ src: 'phase.open' });
    phase.done('open');
    expect(phase.told).toEqual([
      { to: { child: 1 }, event: { type: 'phase.opened' } },
      { to: { child: 2 }, event: { type: 'phase.opened' } },
    ]);
  });

  it('waits for a person when its branch can not be made', () => {
    phase.send({ type: 'slot.granted' });
    phase.fails('open');
    expect(phase.path).toBe('in_progress.open_failed');
    expect(phase.context.failure).toEqual({ code: 'git_failed', message: 'no space' });
    phase.send({ type: 'phase.retry' });
    phase.done('open');
    expect(phase.context.failure).toBeNull();
  });

  it('counts a task before the task exists', () => {
    phase = underWay();
    phase.send(more);
    expect(phase.context.next).toBe(4);
    expect(phase.params('create')).toEqual({
      child: 3,
      machine: 'task',
      input: {
        ordinal: 3,
        category: 'execute',
        needsReview: true,
        priority: 40,
        phaseOpen: true,
        dependsOn: [1],
        conflictOf: null,
        resolves: null,
        maxAttempts: 2,
        maxRounds: 2,
        maxConflicts: 3,
      },
    });
    expect(phase.params('task.insert')).toMatchObject({
      child: 3,
      key: 'more',
      projects: ['web'],
      round: null,
    });
  });

  it('makes one merge task for a conflict, and tells the task which', () => {
    phase = underWay();
    phase.send({ type: 'task.conflicted', ordinal: 1, round: 1, needsReview: false });
    expect(phase.params('create')).toMatchObject({
      child: 3,
      input: { category: 'merge', conflictOf: 'task', resolves: 1, priority: 90 },
    });
    expect(phase.params('task.insert')).toMatchObject({ key: 'merge-1-3', resolves: 1 });
    expect(phase.told).toEqual([{ to: { child: 1 }, event: { type: 'conflict.assigned', to: 3 } }]);
    expect(phase.context.next).toBe(4);
  });

  it.each([true, false])(
    'has the resolution reviewed by itself if the task that conflicts is: %s',
    (needsReview) => {
      phase = underWay({ mode: 'yolo' });
      phase.send({ type: 'task.conflicted', ordinal: 1, round: 1, needsReview });
      expect(phase.params('create')).toMatchObject({ input: { category: 'merge', needsReview } });
      expect(phase.params('task.insert')).toMatchObject({ category: 'merge', needsReview });
    },
  );

  it('reads a conflict that was told before reviews were part of it', () => {
    const told = phaseEvents['task.conflicted'].schema.parse({ ordinal: 1, round: 1 });
    expect(told).toEqual({ ordinal: 1, round: 1, needsReview: false });
  });

  it('needs you while one of its tasks does, and says so once', () => {
    phase = underWay();
    phase.send({ type: 'task.stuck', ordinal: 1 });
    expect(phase.tags).toEqual(['busy', 'needs_you']);
    expect(phase.told).toEqual([toParent('phase.stuck')]);
    phase.send({ type: 'task.stuck', ordinal: 2 });
    expect(phase.told).toEqual([]);
    phase.send({ type: 'task.unstuck', ordinal: 1 }, { type: 'task.unstuck', ordinal: 2 });
    expect(phase.path).toBe('in_progress.working');
    expect(phase.told).toEqual([toParent('phase.unstuck')]);
  });

  it('F3: asks git for proof when all tasks are settled, and not before', () => {
    phase = underWay();
    phase.send(settled);
    expect(phase.path).toBe('in_progress.working');
    phase.send(settled);
    expect(phase.params('xstate.spawnChild')).toMatchObject({ src: 'phase.prove' });
  });

  it.each([
    [
      'misses something',
      (one: ActorUnderTest<PhaseContext>) => one.done('prove', { proven: false, missing: ['a', 'b'] }),
    ],
    ['can not be given', (one: ActorUnderTest<PhaseContext>) => one.fails('prove')],
  ])('F5: does not land when the proof %s', (_, finish) => {
    phase = underWay({ mode: 'yolo' });
    phase.send(settled, settled);
    finish(phase);
    expect(phase.path).toBe('in_progress.unproven');
    expect(phase.context.failure?.message).toMatch(/a, b|no space/);
    phase.send({ type: 'phase.recheck' });
    phase.done('prove', { proven: true, missing: [] });
    expect(phase.path).toBe('merging.landing');
    expect(phase.told).toContainEqual(toParent('slot.returned'));
  });
});

describe('a review', () => {
  it('takes an approval of exactly the heads that it serves', () => {
    phase = inReview();
    expect(phase.send({ type: 'phase.approve', heads: {}, digest: '0'.repeat(64) })).toBe(false);
    expect(phase.path).toBe('pending_review.open');
    expect(phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST })).toBe(true);
    expect(phase.params('xstate.spawnChild')).toMatchObject({
      src: 'phase.land',
      input: { approved: DIGEST },
    });
  });

  it('lands the heads that stand in place of those it serves, where the approval says so', () => {
    phase = inReview();
    const lands = 'e'.repeat(64);
    phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST, lands, because: 'the base has moved' });
    expect(phase.context.approved).toBe(lands);
  });

  it('F8: is approved once, and makes one revision task', () => {
    phase = inReview();
    const changes = {
      type: 'phase.requestChanges',
      summary: 'please',
      comments: [
        {
          project: 'web',
          file: 'a',
          side: 'new',
          startLine: 1,
          commit: null,
          blob: null,
          excerpt: [],
          author: 'token:reviewer',
          line: 1,
          text: 'why?',
        },
      ],
    };
    expect(phase.send(changes)).toBe(true);
    expect(phase.params('task.insert')).toMatchObject({ key: 'revision-1', category: 'review', round: 1 });
    expect(phase.params('comment.put')).toEqual({
      many: [{ round: 1, place: 1, digest: DIGEST, ...changes.comments[0] }],
    });
    expect(phase.send(changes)).toBe(false);
    phase = inReview();
    phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST });
    expect(phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST })).toBe(false);
  });

  it('ends in a decision when the rounds are used up', () => {
    phase = inReview({ maxRounds: 1 });
    expect(phase.send({ type: 'phase.requestChanges', summary: 'again', comments: [] })).toBe(false);
  });

  it('F5: that finds something missing when it is opened again serves nothing, and the work goes on with a slot', () => {
    phase = inReview();
    phase.send({ type: 'phase.recheck' });
    phase.done('review', { proven: false, missing: ['a', 'b'], digest: null });
    expect(phase.path).toBe('in_progress.unproven');
    expect(phase.context).toMatchObject({ heads: null, approved: null, failure: { code: 'not_proven' } });
    expect(phase.told).toContainEqual(toParent('slot.taken'));
    phase.send({ type: 'phase.recheck' });
    phase.done('prove', { proven: true, missing: [] });
    expect(phase.path).toBe('pending_review.opening');
    expect(phase.told).toContainEqual(toParent('slot.returned'));
  });

  it('that can not be opened waits for a recheck', () => {
    phase = underWay();
    phase.send(settled, settled);
    phase.done('prove', { proven: true, missing: [] });
    phase.fails('review');
    expect(phase.path).toBe('pending_review.unreadable');
    phase.send({ type: 'phase.recheck' });
    expect(phase.path).toBe('pending_review.opening');
  });
});

describe('a phase that fails before it lands', () => {
  it.each([
    ['in_progress.open_failed', (one: ActorUnderTest<PhaseContext>) => one.fails('open')],
    [
      'in_progress.unproven',
      (one: ActorUnderTest<PhaseContext>) => {
        one.done('open');
        one.send(settled, settled);
        one.fails('prove');
      },
    ],
    [
      'pending_review.unreadable',
      (one: ActorUnderTest<PhaseContext>) => {
        one.done('open');
        one.send(settled, settled);
        one.done('prove', { proven: true, missing: [] });
        one.fails('review');
      },
    ],
  ])('can be waived in %s, and counts as done for those that wait for it', (path, fail) => {
    phase.send({ type: 'slot.granted' }, { type: 'dependency.watch', by: 4 });
    fail(phase);
    expect(phase.path).toBe(path);
    expect(phase.send({ type: 'phase.waive' })).toBe(true);
    if (phase.path === 'canceling.draining') phase.send(settled, settled);
    phase.done('retire');
    expect(phase.told).toContainEqual({
      to: { sibling: 4 },
      event: { type: 'dependency.settled', of: 2, outcome: 'waived' },
    });
  });
});

describe('the landing of a phase', () => {
  beforeEach(() => {
    phase = inReview();
    phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST }, { type: 'dependency.watch', by: 4 });
  });

  it('refuses another task', () => {
    expect(phase.send(more)).toBe(false);
  });

  it('R7: completes it, and tells those that wait for it', () => {
    phase.done('land', { result: 'landed' });
    expect(phase.tags).toEqual(['settled']);
    expect(phase.told).toEqual([
      { to: 'parent', event: { type: 'phase.settled', ordinal: 2, outcome: 'completed' } },
      { to: { sibling: 4 }, event: { type: 'dependency.settled', of: 2, outcome: 'completed' } },
    ]);
    phase.send({ type: 'dependency.watch', by: 5 });
    expect(phase.told).toEqual([
      { to: { sibling: 5 }, event: { type: 'dependency.settled', of: 2, outcome: 'completed' } },
    ]);
  });

  it('that conflicts gets one merge task in the projects where it does, above the limit of slots if need be', () => {
    phase.done('land', { result: 'conflict', message: 'a.txt', projects: ['web'] });
    expect(phase.path).toBe('in_progress.conflicted');
    expect(phase.context.failure).toEqual({ code: 'conflict', message: 'a.txt' });
    expect(phase.params('create')).toMatchObject({
      child: 3,
      input: { category: 'merge', conflictOf: 'phase', resolves: null, priority: 90 },
    });
    expect(phase.params('task.insert')).toMatchObject({ key: 'merge-3', projects: ['web'] });
    expect(phase.told).toContainEqual(toParent('slot.taken'));
    phase.send({ type: 'task.settled', ordinal: 3, outcome: 'completed' });
    expect(phase.path).toBe('in_progress.proving');
    phase.done('prove', { proven: true, missing: [] });
    expect(phase.path).toBe('pending_review.opening');
    expect(phase.context.failure).toBeNull();
  });

  it('gets another merge task when one fails, as often as the plan allows, and then a person', () => {
    phase.done('land', { result: 'conflict', message: 'a.txt' });
    for (const ordinal of [3, 4]) {
      phase.send({ type: 'task.stuck', ordinal }, { type: 'task.unresolved', ordinal });
      expect(phase.path).toBe('in_progress.conflict_attention');
      expect(phase.told).toEqual([{ to: { child: ordinal }, event: { type: 'conflict.dropped' } }]);
      phase.send({ type: 'task.unstuck', ordinal }, { type: 'task.settled', ordinal, outcome: 'canceled' });
      expect(phase.path).toBe('in_progress.conflicted');
    }
    phase.send({ type: 'task.stuck', ordinal: 5 }, { type: 'task.unresolved', ordinal: 5 });
    expect(phase.path).toBe('conflict_unresolved');
    expect(phase.tags).toEqual(['needs_you']);
    phase.send({ type: 'task.unstuck', ordinal: 5 }, { type: 'phase.retry' });
    expect(phase.path).toBe('in_progress.conflicted');
    expect(phase.params('create')).toMatchObject({ child: 6, input: { conflictOf: 'phase' } });
    phase.send({ type: 'task.settled', ordinal: 5, outcome: 'canceled' });
    expect(phase.context).toMatchObject({ resolver: 6, next: 7 });
  });

  it('that conflicts needs you while its merge task does, and says so', () => {
    phase.done('land', { result: 'conflict', message: 'a.txt' });
    phase.send({ type: 'task.stuck', ordinal: 3 });
    expect([phase.path, phase.tags]).toEqual(['in_progress.conflict_attention', ['busy', 'needs_you']]);
    expect(phase.told).toEqual([toParent('phase.stuck')]);
    phase.send({ type: 'task.unstuck', ordinal: 3 });
    expect([phase.path, phase.tags]).toEqual(['in_progress.conflicted', ['busy']]);
    expect(phase.told).toEqual([toParent('phase.unstuck')]);
    // Canceled while it waits: another one takes its place, and nothing is proven before.
    phase.send({ type: 'task.stuck', ordinal: 3 }, { type: 'task.unstuck', ordinal: 3 });
    phase.send({ type: 'task.settled', ordinal: 3, outcome: 'canceled' });
    expect([phase.path, phase.context.resolver]).toEqual(['in_progress.conflicted', 4]);
    phase.send({ type: 'task.settled', ordinal: 4, outcome: 'completed' });
    expect(phase.path).toBe('in_progress.proving');
  });

  it('gets another merge task when one is canceled by hand, as often as the plan allows, and then a person', () => {
    phase.done('land', { result: 'conflict', message: 'a.txt' });
    for (const outcome of ['canceled', 'waived']) {
      phase.send({ type: 'task.settled', ordinal: phase.context.next - 1, outcome });
      expect(phase.path).toBe('in_progress.conflicted');
    }
    expect(phase.context).toMatchObject({ resolver: 5, next: 6, failure: { code: 'conflict' } });
    phase.send({ ...more, dependsOn: [] }, { type: 'task.settled', ordinal: 5, outcome: 'canceled' });
    expect(phase.path).toBe('in_progress.working');
    phase.send({ type: 'task.settled', ordinal: 6, outcome: 'completed' });
    expect(phase.path).toBe('conflict_unresolved');
    phase.send({ type: 'phase.recheck' });
    expect(phase.path).toBe('merging.landing');
  });

  it.each([
    [{ type: 'phase.cancel', dependents: 'keep' }, 'keep'],
    [{ type: 'initiative.canceling' }, 'cancel'],
  ])('that is canceled by %j ends first, and is followed by the cancel', (cancel, dependents) => {
    phase.send(cancel);
    expect([phase.path, phase.context.cancelRequested]).toEqual(['merging.landing', true]);
    phase.done('land', { result: 'conflict', message: 'a.txt' });
    expect(phase.path).toBe('canceling.retiring');
    expect(phase.context).toMatchObject({ outcome: 'canceled', dependents });
  });

  it('makes no merge task any more once it is being canceled', () => {
    phase.done('land', { result: 'conflict', message: 'a.txt' });
    phase.send({ type: 'initiative.canceling' }, { type: 'task.settled', ordinal: 3, outcome: 'canceled' });
    expect(phase.path).toBe('canceling.retiring');
    expect(phase.context.next).toBe(4);
  });

  it('made for a conflict of the initiative has a merge task when it gets its slot, whatever was canceled before', () => {
    phase = newPhase({ tasks: 0, planned: 1, maxConflicts: 2 });
    phase.send({ ...more, type: 'phase.planTask', dependsOn: [], conflictOf: 'initiative' });
    phase.send({ ...settled, outcome: 'canceled' });
    expect(phase.path).toBe('queued');
    expect(phase.params('create')).toMatchObject({ child: 2, input: { conflictOf: 'initiative' } });
    phase.send({ type: 'task.settled', ordinal: 2, outcome: 'canceled' }, { type: 'slot.granted' });
    phase.done('open');
    expect(phase.path).toBe('conflict_unresolved');
  });

  it('that meets another conflict after the first was resolved gets as many merge tasks for it', () => {
    phase = inReview({ maxConflicts: 1 });
    phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST });
    phase.done('land', { result: 'conflict', message: 'a.txt' });
    phase.send({ type: 'task.settled', ordinal: 3, outcome: 'completed' });
    phase.done('prove', { proven: true, missing: [] });
    phase.done('review', { proven: true, missing: [], digest: DIGEST });
    phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST });
    phase.done('land', { result: 'conflict', message: 'b.txt' });
    expect(phase.path).toBe('in_progress.conflicted');
    expect(phase.params('create')).toMatchObject({ child: 4, input: { conflictOf: 'phase' } });
    phase.send({ type: 'task.stuck', ordinal: 4 }, { type: 'task.unresolved', ordinal: 4 });
    expect(phase.path).toBe('conflict_unresolved');
  });

  it('whose conflict nobody resolved lands what was approved when git has nothing against it any more', () => {
    phase = inReview({ maxConflicts: 0 });
    phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST });
    phase.done('land', { result: 'conflict', message: 'a.txt' });
    expect(phase.path).toBe('conflict_unresolved');
    phase.send({ type: 'phase.recheck' });
    expect(phase.path).toBe('merging.landing');
    expect(phase.context.approved).toBe(DIGEST);
  });

  it('is not begun by a recheck of what nobody has approved: it is proven and reviewed first', () => {
    phase = newPhase({ tasks: 0, planned: 1, maxConflicts: 1 });
    phase.send({
      ...more,
      type: 'phase.planTask',
      dependsOn: [],
      category: 'merge',
      conflictOf: 'initiative',
    });
    expect(phase.params('create')).toMatchObject({ input: { category: 'merge', conflictOf: 'initiative' } });
    phase.send({ type: 'slot.granted' });
    phase.done('open');
    phase.send({ type: 'task.stuck', ordinal: 1 }, { type: 'task.unresolved', ordinal: 1 });
    expect(phase.path).toBe('conflict_unresolved');
    expect(phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST })).toBe(false);
    phase.send({ type: 'phase.recheck' });
    expect(phase.path).toBe('in_progress.attention');
    phase.send({ type: 'task.unstuck', ordinal: 1 }, { ...settled, outcome: 'canceled' });
    expect(phase.path).toBe('in_progress.proving');
    phase.done('prove', { proven: true, missing: [] });
    expect(phase.path).toBe('pending_review.opening');
  });

  it('goes on with a task that a person adds to an unresolved conflict', () => {
    phase = inReview({ maxConflicts: 0 });
    phase.send({ type: 'phase.approve', heads: {}, digest: DIGEST });
    phase.done('land', { result: 'conflict', message: 'a.txt' });
    phase.send(more);
    expect(phase.path).toBe('in_progress.working');
  });

  it.each([
    ['source_lost', (one: ActorUnderTest<PhaseContext>) => one.done('land', { result: 'source_lost' })],
    ['git_failed', (one: ActorUnderTest<PhaseContext>) => one.fails('land')],
  ])('that fails with %s can be retried, waived or canceled', (code, finish) => {
    finish(phase);
    expect(phase.path).toBe('merge_failed');
    expect(phase.context.failure?.code).toBe(code);
    phase.send({ type: 'phase.retry' });
    expect(phase.path).toBe('merging.landing');
  });

  it('waits at the gate while the initiative is paused', () => {
    phase = inReview();
    phase.send({ type: 'initiative.paused' }, { type: 'phase.approve', heads: {}, digest: DIGEST });
    expect(phase.tags).toEqual(['waiting']);
    phase.send({ type: 'initiative.resumed' });
    expect(phase.path).toBe('merging.landing');
  });
});

describe('a title', () => {
  it('changes in any state that can be renamed, and nothing else does', () => {
    const before = phase.context;
    phase.send({ type: 'phase.rename', title: 'other' });
    expect(phase.params('title.put')).toEqual({ title: 'other' });
    expect(phase.context).toEqual(before);
  });
});
