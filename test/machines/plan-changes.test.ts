import { describe, expect, it } from 'vitest';
import { grantable, initialInitiativeContext } from '../../src/machines/initiative-context.ts';
import { phaseMachine } from '../../src/machines/phase.ts';
import { taskMachine } from '../../src/machines/task.ts';
import type { TaskContext } from '../../src/machines/task-context.ts';
import { ActorUnderTest } from './actor-under-test.ts';
import { AGENT, LEASE } from './family/people.ts';
import { Story } from './family/story.ts';

const part = (key: string, after: readonly number[] = []) => ({
  key,
  title: key,
  description: '',
  dependsOn: [],
  priority: 50,
  capabilities: [],
  needsReview: false,
  projects: null,
  after,
});
/** Its first phase runs. */
function opened(plan: ConstructorParameters<typeof Story>[0]): Story {
  const story = new Story(plan);
  story.finish('i/1', 'open');
  return story;
}
const split = { type: 'task.split', into: [part('a'), part('b', [1])] };
const claim = { type: 'task.claim', lease: LEASE, agentId: AGENT, attempt: 1, leaseSeconds: 60 };

describe('a task that is split', () => {
  it('is claimed by nobody from that turn on, and leaves its dependents waiting until its parts are done', () => {
    const story = opened({ phases: [[[], [1]]] });
    story.postOnly('i/1/1', split);
    expect(story.family.post('i/1/1', claim)).toBe(false);
    story.deliverAll();
    story.finish('i/1/1', 'retire');
    expect([story.at('i/1/1'), story.at('i/1/2')]).toEqual(['canceled', 'blocked.waiting']);
    expect(story.context<TaskContext>('i/1/2').pending).toEqual([3, 4]);
    story.complete('i/1/3');
    expect([story.at('i/1/4'), story.at('i/1/2')]).toEqual(['queued', 'blocked.waiting']);
    story.complete('i/1/4');
    expect(story.at('i/1/2')).toBe('queued');
  });

  it('tells who asks late what took its place', () => {
    const story = opened({ phases: [[[], []]] });
    story.post('i/1/1', split);
    story.finish('i/1/1', 'retire');
    story.post('i/1/2', { type: 'task.relink', dependsOn: [1] });
    expect(story.context<TaskContext>('i/1/2').pending).toEqual([3, 4]);
    story.complete('i/1/3');
    expect(story.at('i/1/2')).toBe('blocked.waiting');
  });

  it('ends with its phase when both are asked for at once', () => {
    const story = opened({ phases: [[[], [1]]] });
    story.postOnly('i/1/1', split);
    story.postOnly('i/1', { type: 'phase.cancel' });
    story.deliverAll();
    story.finish('i/1/1', 'retire');
    story.finish('i/1/2', 'retire');
    expect(story.exists('i/1/3')).toBe(false);
    story.finish('i/1', 'retire');
    expect(story.at('i/1')).toBe('canceled');
  });

  it('stays as it was when its phase can not do it', () => {
    const phase = new ActorUnderTest(phaseMachine, {
      ordinal: 1,
      mode: 'yolo',
      draft: true,
      dependsOn: [],
      tasks: 1,
      planned: 2,
      paused: false,
      maxAttempts: 2,
      maxRounds: 2,
      maxConflicts: 2,
    });
    phase.send({ type: 'task.splitting', ordinal: 1, into: split.into });
    expect(phase.told).toEqual([{ to: { child: 1 }, event: { type: 'split.refused' } }]);
    expect(phase.params('create')).toBeUndefined();
    const story = opened({ phases: [[[]]] });
    const { context } = story.family.get('i/1/1').snapshot;
    const task = new ActorUnderTest(taskMachine, { ...(context as object), dependsOn: [] });
    expect([task.send(split), task.path]).toEqual([true, 'splitting']);
    expect([task.send({ type: 'split.refused' }), task.path]).toEqual([true, 'queued']);
  });

  it('is one that no attempt was made of', () => {
    const story = opened({ phases: [[[]]] });
    story.post('i/1/1', claim);
    story.post('i/1/1', { type: 'lease.expired', lease: LEASE });
    expect(story.at('i/1/1')).toBe('queued');
    expect(story.family.post('i/1/1', split)).toBe(false);
  });
});

describe('a dependency', () => {
  it('forgets who waits for it no longer: linked anew, canceled, or waived', () => {
    const story = opened({ phases: [[[], [], [1], [1], [1], [1]]] });
    const watchers = () => story.context<TaskContext>('i/1/1').watchers;
    expect(watchers()).toEqual([3, 4, 5, 6]);
    story.post('i/1/3', { type: 'task.relink', dependsOn: [2] });
    story.post('i/1/4', { type: 'task.cancel' });
    story.post('i/1/5', { type: 'task.waive' });
    story.post('i/1/6', { type: 'task.relink', dependsOn: [2, 1] });
    expect(watchers()).toEqual([6]);
    story.post('i/1/2', { type: 'task.cancel', dependents: 'cancel' });
    story.finish('i/1/2', 'retire');
    expect(story.at('i/1/6')).toBe('canceling.retiring');
    expect(watchers()).toEqual([]);
  });
});

describe('a task that was put aside', () => {
  it('waits for what it was linked to meanwhile', () => {
    const story = opened({ phases: [[[], []]] });
    story.post('i/1/2', claim);
    story.post('i/1/2', { type: 'task.stop', lease: LEASE, reason: 'user_requested' });
    story.post('i/1/2', { type: 'task.relink', dependsOn: [1] });
    expect(story.at('i/1/2')).toBe('held');
    story.post('i/1/2', { type: 'task.resume' });
    expect(story.at('i/1/2')).toBe('blocked.waiting');
    story.complete('i/1/1');
    expect(story.at('i/1/2')).toBe('queued');
  });

  it('is not ended by a link to what was canceled with its dependents before', () => {
    const story = opened({ phases: [[[], [], [1]]] });
    story.post('i/1/1', { type: 'task.cancel', dependents: 'cancel' });
    story.finish('i/1/1', 'retire');
    expect(story.at('i/1/3')).toBe('canceling.retiring');
    story.post('i/1/2', claim);
    story.post('i/1/2', { type: 'task.stop', lease: LEASE, reason: 'user_requested' });
    story.post('i/1/2', { type: 'task.relink', dependsOn: [1] });
    expect(story.at('i/1/2')).toBe('held');
    story.post('i/1/2', { type: 'task.resume' });
    expect(story.at('i/1/2')).toBe('blocked.stranded');
  });
});

describe('the order of phases', () => {
  it('decides who gets the next slot, also for those that ask later', () => {
    const story = new Story({ phaseLimit: 1, phases: [[[]], [[]], [[]], [[]]] });
    story.post('i/4', { type: 'phase.relink', dependsOn: [1] });
    story.post('i', { type: 'initiative.reorder', phases: [4, 3, 2] });
    expect(story.context<{ waiting: number[] }>('i').waiting).toEqual([-4, 3, 2]);
    story.post('i/1', { type: 'phase.cancel', dependents: 'release' });
    story.finish('i/1/1', 'retire');
    story.finish('i/1', 'retire');
    expect([2, 3, 4].map((ordinal) => story.at(`i/${ordinal}`))).toEqual([
      'queued',
      'in_progress.opening',
      'queued',
    ]);
    expect(story.context<{ waiting: number[] }>('i').waiting).toEqual([4, 2]);
  });

  it('puts whoever has asked and is not named after those that are', () => {
    const story = new Story({ phaseLimit: 1, phases: [[[]], [[]], [[]]] });
    story.post('i', { type: 'initiative.reorder', phases: [3] });
    expect(story.context<{ waiting: number[] }>('i').waiting).toEqual([3, 2]);
  });

  it('gives no slot to a phase that has not asked', () => {
    const context = initialInitiativeContext({
      mode: 'yolo',
      phaseLimit: 2,
      phases: 3,
      autostart: true,
      maxAttempts: 1,
      maxRounds: 1,
      maxConflicts: 1,
    });
    expect(grantable({ ...context, waiting: [-3, 1, -2] })).toEqual([1]);
  });
});
