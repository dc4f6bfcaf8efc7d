import { describe, expect, it } from 'vitest';
import { conflict, Story } from './family/story.ts';

const changes = {
  summary: 'name it better',
  comments: [
    {
      project: 'web',
      file: 'a.txt',
      side: 'new',
      startLine: 3,
      line: 3,
      commit: null,
      blob: null,
      excerpt: [],
      author: 'token:reviewer',
      text: 'why?',
    },
  ],
};
const canceled = { error: { code: 'git_failed', message: 'no space' } };

describe('review', () => {
  it('F1: a finished revision task brings its phase back to review, in the next round', () => {
    const story = new Story({ phases: [[[]]] });
    story.finish('i/1', 'open');
    story.complete('i/1/1');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'review');
    story.post('i/1', { type: 'phase.requestChanges', ...changes });
    expect(story.at('i/1')).toBe('in_progress.working');
    expect(story.context('i/1/2')).toMatchObject({ category: 'review', priority: 90 });
    story.complete('i/1/2');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'review');
    expect(story.at('i/1')).toBe('pending_review.open');
    expect(story.context('i/1')).toMatchObject({ round: 2 });
  });

  it('a task added to an open review makes it void and takes a slot, above the limit if need be', () => {
    const story = new Story({ phaseLimit: 1, phases: [[[]], [[]]] });
    story.finish('i/1', 'open');
    story.complete('i/1/1');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'review');
    expect(story.at('i/2')).toBe('in_progress.opening');
    story.post('i/1', { type: 'phase.addTask', key: 'more', title: 'more' });
    expect(story.at('i/1')).toBe('in_progress.working');
    expect(story.context('i/1')).toMatchObject({ heads: null, approved: null });
    expect(story.context('i')).toMatchObject({ active: 2 });
  });

  it('a moved head makes the approval void', () => {
    const story = new Story({ phases: [[]] });
    story.finish('i/1', 'open');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'review');
    story.approve('i/1', 'phase');
    story.finish('i/1', 'land', { output: { result: 'heads_moved' } });
    expect(story.at('i/1')).toBe('pending_review.opening');
    expect(story.context('i/1')).toMatchObject({ heads: null, approved: null });
  });

  it('changes requested of an initiative are made in a phase of their own, then the review opens again', () => {
    const story = new Story({ mode: 'yolo', phases: [] });
    story.finish('i', 'prove');
    story.finish('i', 'review');
    story.post('i', { type: 'initiative.requestChanges', ...changes });
    expect(story.at('i')).toBe('in_progress.running.steady');
    story.finish('i/1', 'open');
    story.complete('i/1/1');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'land');
    story.finish('i', 'prove');
    story.finish('i', 'review');
    expect(story.at('i')).toBe('pending_review.open');
    expect(story.context('i')).toMatchObject({ round: 2 });
  });
});

describe('phases that are empty or not wanted', () => {
  it.each([
    ['an empty phase', (): Story => new Story({ mode: 'yolo', phases: [[]] })],
    [
      'a phase whose tasks are all canceled',
      (): Story => {
        const story = new Story({ mode: 'yolo', phases: [[[], []]] });
        for (const task of ['i/1/1', 'i/1/2']) {
          story.post(task, { type: 'task.cancel' });
          story.finish(task, 'retire');
        }
        return story;
      },
    ],
  ])('F13: %s lands and lets its initiative go on', (_, begin) => {
    const story = begin();
    story.finish('i/1', 'open');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'land', { output: { result: 'empty' } });
    expect(story.at('i/1')).toBe('completed');
    expect(story.at('i')).toBe('in_progress.proving');
  });

  it('F13: a canceled phase does not block its initiative', () => {
    const story = new Story({ mode: 'yolo', phases: [[[]]] });
    story.post('i/1', { type: 'phase.cancel' });
    expect(story.at('i/1')).toBe('canceling.draining');
    story.finish('i/1/1', 'retire');
    story.finish('i/1', 'retire');
    expect(story.at('i')).toBe('in_progress.proving');
    expect(story.context('i')).toMatchObject({ settled: 1, active: 0 });
  });
});

describe('conflicts', () => {
  function conflicted(): Story {
    const story = new Story({ mode: 'yolo', phases: [[[]]] });
    story.finish('i/1', 'open');
    story.work('i/1/1');
    story.finish('i/1/1', 'land', conflict);
    return story;
  }

  it('F2: a conflict is given to a merge task, and the phase waits for both', () => {
    const story = conflicted();
    expect(story.at('i/1/1')).toBe('conflicted');
    expect(story.context('i/1/2')).toMatchObject({ category: 'merge', resolves: 1 });
    story.complete('i/1/2');
    expect(story.at('i/1/1')).toBe('merging');
    expect(story.at('i/1')).toBe('in_progress.working');
    story.finish('i/1/1', 'land', { output: { result: 'already' } });
    expect(story.at('i/1')).toBe('in_progress.proving');
  });

  it('a merge task that fails is ended and another one is made, and after the last one a person is asked', () => {
    const story = conflicted();
    for (const merge of ['i/1/2', 'i/1/3']) {
      story.work(merge);
      story.finish(merge, 'land', { output: { result: 'source_lost' } });
      expect(story.at(merge)).toBe('canceling.retiring');
      expect(story.at('i/1/1')).toBe('conflicted');
      story.finish(merge, 'retire');
    }
    story.work('i/1/4');
    story.finish('i/1/4', 'land', { output: { result: 'source_lost' } });
    expect(story.at('i/1/1')).toBe('conflict_unresolved');
    expect(story.at('i/1')).toBe('in_progress.attention');
    expect(story.at('i')).toBe('in_progress.running.attention');
    story.post('i/1/1', { type: 'task.retry' });
    story.finish('i/1/1', 'land', conflict);
    expect(story.at('i/1/1')).toBe('conflicted');
    story.complete('i/1/5');
    expect(story.at('i/1/1')).toBe('merging');
  });

  it('the last merge task, retried after it failed, still resolves the conflict', () => {
    const story = conflicted();
    for (const merge of ['i/1/2', 'i/1/3']) {
      story.post(merge, { type: 'task.cancel' });
      story.finish(merge, 'retire');
    }
    story.work('i/1/4');
    story.finish('i/1/4', 'land', { output: { result: 'source_lost' } });
    story.post('i/1/4', { type: 'task.retry' });
    story.complete('i/1/4');
    expect(story.at('i/1/1')).toBe('merging');
  });

  it('a phase that does not merge into the initiative does, once its merge task has landed', () => {
    const story = new Story({ mode: 'yolo', phases: [[[]]] });
    story.finish('i/1', 'open');
    story.complete('i/1/1');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'land', conflict);
    expect(story.at('i/1')).toBe('in_progress.conflicted');
    story.complete('i/1/2');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'land');
    expect(story.at('i/1')).toBe('completed');
  });

  it('an initiative that does not merge into a default branch does, once the phase that was made for it is merged', () => {
    const story = new Story({ mode: 'yolo', phases: [] });
    story.finish('i', 'prove');
    story.finish('i', 'review');
    story.approve('i', 'initiative');
    story.finish('i', 'deliver', conflict);
    expect(story.at('i/1')).toBe('in_progress.opening');
    story.finish('i/1', 'open');
    story.complete('i/1/1');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'land');
    story.finish('i', 'prove');
    story.finish('i', 'review');
    story.approve('i', 'initiative');
    story.finish('i', 'deliver');
    expect(story.at('i')).toBe('completed');
  });

  it('canceling the task with the conflict ends its merge task, also one that it has not heard of', () => {
    const story = new Story({ mode: 'yolo', phases: [[[]]] });
    story.finish('i/1', 'open');
    story.work('i/1/1');
    story.finishOnly('i/1/1', 'land', conflict);
    story.postOnly('i/1/1', { type: 'task.cancel' });
    story.deliverAll();
    expect(story.at('i/1/2')).toBe('canceling.retiring');
  });

  it('a merge task whose conflict is dropped while it lands is canceled if it does not land', () => {
    const story = conflicted();
    story.work('i/1/2');
    story.post('i/1/1', { type: 'task.cancel' });
    expect(story.at('i/1/2')).toBe('merging');
    story.finish('i/1/2', 'land', { output: { result: 'outrun' } });
    expect(story.at('i/1/2')).toBe('canceling.retiring');
  });
});

describe('dependencies', () => {
  it('a dependency that is settled before anybody asks is answered at once', () => {
    const story = new Story({ phases: [[[]]] });
    story.finish('i/1', 'open');
    story.complete('i/1/1');
    story.finish('i/1', 'prove');
    story.post('i/1', { type: 'phase.addTask', key: 'more', title: 'more', dependsOn: [1] });
    expect(story.at('i/1/2')).toBe('queued');
  });

  it.each([
    ['release', 'queued'],
    ['cancel', 'canceling.retiring'],
    ['keep', 'blocked.stranded'],
  ])('a canceled dependency with %s leaves its dependent %s', (dependents, path) => {
    const story = new Story({ phases: [[[], [1]]] });
    story.finish('i/1', 'open');
    expect(story.family.post('i/1/1', { type: 'task.cancel' })).toBe(false);
    story.post('i/1/1', { type: 'task.cancel', dependents });
    story.finish('i/1/1', 'retire');
    expect(story.at('i/1/2')).toBe(path);
    expect(story.at('i/1')).toBe(dependents === 'keep' ? 'in_progress.attention' : 'in_progress.working');
  });

  it('a waived dependency counts as done', () => {
    const story = new Story({ phases: [[[], [1]]] });
    story.finish('i/1', 'open');
    story.post('i/1/1', { type: 'task.waive' });
    story.finish('i/1/1', 'retire');
    expect(story.at('i/1/2')).toBe('queued');
  });

  it('the tasks of a phase that is added while it runs keep their places, whoever comes first', () => {
    const story = new Story({ phases: [[[]]] });
    const task = (key: string, dependsOn: number[]) => ({ key, title: key, dependsOn });
    story.postOnly('i', {
      type: 'initiative.addPhase',
      key: 'two',
      title: 'two',
      tasks: [task('a', []), task('b', [1])],
    });
    expect(story.family.post('i/2', { type: 'phase.addTask', ...task('early', []) })).toBe(false);
    story.deliverAll();
    story.post('i/2', { type: 'phase.addTask', ...task('late', [2]) });
    expect(story.context('i/2/2')).toMatchObject({ pending: [1] });
    expect(story.context('i/2/3')).toMatchObject({ pending: [2] });
  });
});

describe('slots', () => {
  it('a grant that crosses a cancel comes back', () => {
    const story = new Story({ phaseLimit: 1, phases: [[], []] });
    expect(story.at('i/2')).toBe('queued');
    story.finish('i/1', 'open');
    story.finishOnly('i/1', 'prove');
    story.family.deliver('i/1>i');
    story.postOnly('i/2', { type: 'phase.cancel' });
    expect(story.context('i')).toMatchObject({ active: 1, waiting: [] });
    story.deliverAll();
    story.finish('i/2', 'retire');
    expect(story.context('i')).toMatchObject({ active: 0, settled: 1 });
  });

  it('a phase that asked and was canceled is asked for no more', () => {
    const story = new Story({ phaseLimit: 1, phases: [[], []] });
    story.post('i/2', { type: 'phase.cancel' });
    expect(story.context('i')).toMatchObject({ active: 1, waiting: [-2] });
    story.finish('i/2', 'retire');
    expect(story.context('i')).toMatchObject({ active: 1, waiting: [] });
  });

  it('new grants wait for phases that are above the limit', () => {
    const story = new Story({ phaseLimit: 1, phases: [[], [], []] });
    story.finish('i/1', 'open');
    story.finish('i/1', 'prove');
    story.finish('i/1', 'review');
    story.post('i/1', { type: 'phase.requestChanges', ...changes });
    expect(story.context('i')).toMatchObject({ active: 2, waiting: [3] });
    story.finish('i/2', 'open');
    story.finish('i/2', 'prove');
    expect(story.at('i/3')).toBe('queued');
    story.complete('i/1/1');
    story.finish('i/1', 'prove');
    expect(story.at('i/3')).toBe('in_progress.opening');
  });
});

describe('cancel and pause', () => {
  it('a cancel while a task lands is recorded, and what has landed is completed', () => {
    const story = new Story({ phases: [[[]]] });
    story.finish('i/1', 'open');
    story.work('i/1/1');
    story.post('i', { type: 'initiative.cancel' });
    expect(story.at('i/1/1')).toBe('merging');
    story.finish('i/1/1', 'land');
    expect(story.at('i/1/1')).toBe('completed');
    story.finish('i/1', 'retire');
    story.finish('i', 'retire');
    expect(story.at('i')).toBe('canceled');
  });

  it.each([{ output: { result: 'conflict' } }, canceled])(
    'a cancel while a phase lands ends it when the landing comes to %j',
    (outcome) => {
      const story = new Story({ mode: 'yolo', phases: [[]] });
      story.finish('i/1', 'open');
      story.finish('i/1', 'prove');
      story.post('i/1', { type: 'phase.cancel' });
      expect(story.at('i/1')).toBe('merging.landing');
      story.finish('i/1', 'land', outcome);
      story.finish('i/1', 'retire');
      expect(story.at('i/1')).toBe('canceled');
      expect(story.context('i')).toMatchObject({ settled: 1, active: 0, stuck: 0 });
    },
  );

  it('a paused initiative grants nothing and lands no phase until it is resumed', () => {
    const story = new Story({ mode: 'yolo', phaseLimit: 1, phases: [[], []] });
    story.finish('i/1', 'open');
    story.post('i', { type: 'initiative.pause' });
    story.finish('i/1', 'prove');
    expect(story.at('i/1')).toBe('merging.gate');
    expect(story.at('i/2')).toBe('queued');
    story.post('i', { type: 'initiative.resume' });
    expect(story.at('i/1')).toBe('merging.landing');
    expect(story.at('i/2')).toBe('in_progress.opening');
  });

  it('a paused initiative that is canceled lands nothing on the way', () => {
    const story = new Story({ mode: 'yolo', phases: [[]] });
    story.finish('i/1', 'open');
    story.post('i', { type: 'initiative.pause' });
    story.finish('i/1', 'prove');
    story.post('i', { type: 'initiative.cancel' });
    expect(story.at('i/1')).toBe('canceling.retiring');
  });

  it('a phase that can not write its backup refs says so to its initiative and can be retried', () => {
    const story = new Story({ phases: [[]] });
    story.post('i/1', { type: 'phase.cancel' });
    story.finish('i/1', 'retire', canceled);
    expect(story.at('i')).toBe('in_progress.running.attention');
    story.post('i/1', { type: 'phase.retry' });
    story.finish('i/1', 'retire');
    expect(story.context('i')).toMatchObject({ stuck: 0, settled: 1 });
  });

  it('a delivery that is taken back after a cancel ends canceled', () => {
    const story = new Story({ phases: [] });
    story.finish('i', 'prove');
    story.finish('i', 'review');
    story.approve('i', 'initiative');
    story.post('i', { type: 'initiative.cancel' });
    story.finish('i', 'deliver', { output: { result: 'partially_delivered' } });
    expect(story.at('i')).toBe('partially_delivered');
    story.post('i', { type: 'initiative.revertDelivery' });
    story.finish('i', 'revert');
    story.finish('i', 'push');
    story.finish('i', 'retire');
    expect(story.at('i')).toBe('canceled');
  });

  it('a person who delivers on after a cancel has withdrawn it', () => {
    const story = new Story({ phases: [] });
    story.finish('i', 'prove');
    story.finish('i', 'review');
    story.approve('i', 'initiative');
    story.post('i', { type: 'initiative.cancel' });
    story.finish('i', 'deliver', { output: { result: 'remote_unreachable', unclear: true } });
    expect(story.at('i')).toBe('delivery_failed');
    story.post('i', { type: 'initiative.retry' });
    story.finish('i', 'deliver', { output: { result: 'heads_moved' } });
    expect(story.at('i')).toBe('pending_review.opening');
  });
});
