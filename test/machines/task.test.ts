import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_DEFERRALS, MAX_OUTRUNS, type TaskContext } from '../../src/machines/task-context.ts';
import { taskMachine } from '../../src/machines/task.ts';
import { ActorUnderTest } from './actor-under-test.ts';
import { AGENT, LEASE, OTHER_LEASE } from './family/people.ts';

const DIGEST = 'd'.repeat(64);
const input = {
  ordinal: 3,
  category: 'execute',
  needsReview: false,
  priority: 50,
  phaseOpen: true,
  dependsOn: [],
  conflictOf: null,
  resolves: null,
  maxAttempts: 2,
  maxRounds: 3,
  maxConflicts: 3,
};
const newTask = (changes: object = {}) =>
  new ActorUnderTest<TaskContext>(taskMachine, { ...input, ...changes });
const claim = (attempt: number) => ({
  type: 'task.claim',
  lease: LEASE,
  agentId: AGENT,
  attempt,
  leaseSeconds: 60,
});
const submit = (lease = LEASE) => ({ type: 'task.submit', lease, submission: DIGEST, answers: [] });
const expired = (lease = LEASE) => ({ type: 'lease.expired', lease });

let task: ActorUnderTest<TaskContext>;
beforeEach(() => {
  task = newTask();
});

describe('a task that waits', () => {
  it('asks what it depends on to say when it is settled', () => {
    expect(newTask({ dependsOn: [1, 2] }).told).toEqual([
      { to: { sibling: 1 }, event: { type: 'dependency.watch', by: 3 } },
      { to: { sibling: 2 }, event: { type: 'dependency.watch', by: 3 } },
    ]);
  });

  it('is claimable when its phase is open and nothing is pending', () => {
    const waiting = newTask({ phaseOpen: false, dependsOn: [1] });
    waiting.send({ type: 'phase.opened' });
    expect(waiting.tags).toEqual(['waiting']);
    waiting.send({ type: 'dependency.settled', of: 1, outcome: 'completed' });
    expect(waiting.tags).toEqual(['claimable', 'waiting']);
    expect(waiting.params('ready.put')).toEqual({ priority: 50, attempt: 1 });
  });

  it('ignores news of what it does not wait for', () => {
    const waiting = newTask({ dependsOn: [1] });
    waiting.send({ type: 'dependency.settled', of: 2, outcome: 'completed' });
    expect(waiting.context.pending).toEqual([1]);
  });

  it('that is stranded goes on when it is linked to something else', () => {
    const waiting = newTask({ dependsOn: [1] });
    waiting.send({ type: 'dependency.settled', of: 1, outcome: 'canceled', policy: 'keep' });
    expect(waiting.tags).toEqual(['needs_you', 'waiting']);
    expect(waiting.told).toEqual([{ to: 'parent', event: { type: 'task.stuck', ordinal: 3 } }]);
    waiting.send({ type: 'task.relink', dependsOn: [2] });
    expect(waiting.path).toBe('blocked.waiting');
    expect(waiting.told).toEqual([
      { to: { sibling: 2 }, event: { type: 'dependency.watch', by: 3 } },
      { to: 'parent', event: { type: 'task.unstuck', ordinal: 3 } },
    ]);
  });

  it('that is linked anew while it is queued is not claimable any more', () => {
    task.send({ type: 'task.relink', dependsOn: [1] });
    expect(task.path).toBe('blocked.waiting');
    expect(task.params('ready.remove')).toEqual({});
  });

  it('can not be linked to itself, nor, as a merge task, to anything', () => {
    expect(task.send({ type: 'task.relink', dependsOn: [3] })).toBe(false);
    expect(
      newTask({ category: 'merge', conflictOf: 'task', resolves: 1 }).send({
        type: 'task.relink',
        dependsOn: [1],
      }),
    ).toBe(false);
  });

  it('changes its place among the claimable tasks', () => {
    task.send({ type: 'task.reprioritize', priority: 80 });
    expect(task.params('ready.put')).toEqual({ priority: 80, attempt: 1 });
  });
});

describe('a claim', () => {
  it('gives the lease to the agent and ends being claimable', () => {
    expect(task.send(claim(1))).toBe(true);
    expect(task.tags).toEqual(['busy', 'leased']);
    expect(task.context).toMatchObject({ attempt: 1, lease: { id: LEASE, agentId: AGENT } });
    expect(task.params('lease.put')).toEqual({ lease: LEASE, agent: AGENT, attempt: 1, seconds: 60 });
    expect(task.params('ready.remove')).toEqual({});
  });

  it.each([0, 2])('is refused for attempt %i when the next is 1', (attempt) => {
    expect(task.send(claim(attempt))).toBe(false);
  });

  it('is refused while another one holds', () => {
    expect(task.send(claim(1), claim(2))).toBe(false);
  });
});

describe('a lease', () => {
  it('F10: is needed for submit, fail, stop, ask and expiry', () => {
    task.send(claim(1));
    const refused = [
      submit(OTHER_LEASE),
      { type: 'task.fail', lease: OTHER_LEASE, code: 'no', message: '' },
      { type: 'task.stop', lease: OTHER_LEASE, reason: 'crashed' },
      { type: 'task.stop', lease: OTHER_LEASE, reason: 'user_requested' },
      { type: 'task.ask', lease: OTHER_LEASE, question: 'which?' },
      expired(OTHER_LEASE),
    ];
    for (const event of refused) expect(task.send(event), event.type).toBe(false);
    expect(task.path).toBe('in_progress.working');
  });

  it('F10: that has expired submits nothing, even after the task was claimed again', () => {
    task.send(claim(1), expired());
    expect(task.send(submit())).toBe(false);
    task.send({ ...claim(2), lease: OTHER_LEASE });
    expect(task.send(submit())).toBe(false);
    expect(task.send(submit(OTHER_LEASE))).toBe(true);
  });

  it('that expires costs an attempt, and the last one fails the task', () => {
    task.send(claim(1), expired());
    expect(task.path).toBe('queued');
    task.send(claim(2), expired());
    expect(task.path).toBe('failed');
    expect(task.context).toMatchObject({ failures: 2, lease: null, failure: { code: 'lease_expired' } });
    expect(task.told).toContainEqual({ to: 'parent', event: { type: 'task.stuck', ordinal: 3 } });
  });

  it('is removed whatever ends the attempt', () => {
    const ends = [submit(), expired(), { type: 'task.cancel' }, { type: 'phase.canceling' }];
    for (const end of ends) {
      const one = newTask();
      one.send(claim(1), end);
      expect(one.params('lease.remove'), end.type).toEqual({});
      expect(one.context.lease).toBeNull();
    }
  });

  it('is kept while the agent waits for an answer', () => {
    task.send(claim(1), { type: 'task.ask', lease: LEASE, question: 'which?' });
    expect(task.tags).toEqual(['busy', 'leased', 'needs_you']);
    task.send({ type: 'task.answer', answer: 'that' });
    expect(task.send(submit())).toBe(true);
  });
});

describe('an agent that stops', () => {
  it('F10: after a crash gives the task back', () => {
    task.send(claim(1), { type: 'task.stop', lease: LEASE, reason: 'crashed' });
    expect(task.path).toBe('queued');
    expect(task.context.failure).toMatchObject({ code: 'agent_crashed' });
  });

  it('because a person said so leaves the task held until it is resumed', () => {
    task.send(claim(1), { type: 'task.stop', lease: LEASE, reason: 'user_requested' });
    expect(task.path).toBe('held');
    task.send({ type: 'task.resume' });
    expect(task.path).toBe('queued');
    expect(task.context.failures).toBe(0);
  });

  it('with a long and odd message leaves a short one that can be stored', () => {
    const message = `${'x'.repeat(199)}\u{1F600}${'y'.repeat(7_000)}`;
    task.send(claim(1), { type: 'task.fail', lease: LEASE, code: 'tests_failed', message });
    expect(task.context.failure?.message.isWellFormed()).toBe(true);
    expect(task.context.failure?.message.length).toBe(160);
  });
});

describe('a reviewed task', () => {
  beforeEach(() => {
    task = newTask({ needsReview: true });
    task.send(claim(1), submit());
  });

  it('lands only the heads that were submitted', () => {
    expect(task.path).toBe('pending_review');
    expect(task.send({ type: 'task.approve', heads: {}, digest: '0'.repeat(64) })).toBe(false);
    expect(task.send({ type: 'task.approve', heads: {}, digest: DIGEST })).toBe(true);
    expect(task.path).toBe('merging');
    expect(task.params('xstate.spawnChild')).toMatchObject({
      src: 'task.land',
      input: { submission: DIGEST, attempt: 1 },
    });
  });

  it('goes back to work when changes are requested', () => {
    task.send({ type: 'task.requestChanges', summary: 'no', comments: [] });
    expect(task.path).toBe('queued');
    expect(task.context.submission).toBeNull();
  });

  it('asks for merge tasks that are reviewed as well, for the next one too', () => {
    const asked = (round: number) => ({
      to: 'parent',
      event: { type: 'task.conflicted', ordinal: 3, round, needsReview: true },
    });
    task.send({ type: 'task.approve', heads: {}, digest: DIGEST });
    task.done('land', { result: 'conflict' });
    expect(task.told).toEqual([asked(1)]);
    task.send({ type: 'conflict.assigned', to: 9 }, { type: 'conflict.failed', by: 9 });
    expect(task.told).toContainEqual(asked(2));
  });

  it('that was outrun while a person looked at it is worked on and reviewed again, and says why', () => {
    task = newTask({ needsReview: true, category: 'merge', conflictOf: 'task', resolves: 1 });
    task.send(claim(1), submit(), { type: 'task.approve', heads: {}, digest: DIGEST });
    task.done('land', { result: 'outrun', message: 'the branch has moved on' });
    expect(task.path).toBe('queued');
    expect(task.context.failure).toEqual({ code: 'outrun', message: 'the branch has moved on' });
    task.send(claim(2), submit());
    expect(task.path).toBe('pending_review');
    expect(task.context.failure).toBeNull();
  });
});

describe('a landing', () => {
  beforeEach(() => {
    task.send(claim(1), submit());
  });

  it.each(['landed', 'already', 'empty'])(
    'that comes to %s completes the task and tells everybody',
    (result) => {
      task.send({ type: 'dependency.watch', by: 5 });
      task.done('land', { result });
      expect(task.tags).toEqual(['settled']);
      expect(task.params('intents.close')).toEqual({});
      expect(task.told).toEqual([
        { to: 'parent', event: { type: 'task.settled', ordinal: 3, outcome: 'completed' } },
        { to: { sibling: 5 }, event: { type: 'dependency.settled', of: 3, outcome: 'completed' } },
      ]);
    },
  );

  it.each(['source_lost', 'unrelated'])('F4: that comes to %s fails the task and says why', (result) => {
    task.done('land', { result, message: 'gone' });
    expect(task.path).toBe('failed');
    expect(task.context.failure).toEqual({ code: result, message: 'gone' });
  });

  it('F4: that could not be done keeps the submission, and a retry lands it', () => {
    task.fails('land');
    expect(task.path).toBe('failed');
    task.send({ type: 'task.retry' });
    expect(task.path).toBe('merging');
  });

  it('that was outrun sends the task back, and after too many asks a person', () => {
    for (let attempt = 2; attempt <= MAX_OUTRUNS + 1; attempt += 1) {
      task.done('land', { result: 'outrun' });
      expect(task.path).toBe('queued');
      task.send(claim(attempt), submit());
    }
    task.done('land', { result: 'outrun' });
    expect(task.path).toBe('failed');
    expect(task.context.failures).toBe(0);
  });

  it('of an incomplete merge costs an attempt', () => {
    task.done('land', { result: 'not_contained' });
    expect(task.path).toBe('queued');
    task.send(claim(2), submit());
    task.done('land', { result: 'not_contained' });
    expect(task.path).toBe('failed');
    expect(task.context.failure).toMatchObject({ code: 'not_contained' });
  });

  it('that conflicts again and again is given to a person in the end', () => {
    for (let round = 1; round <= 3; round += 1) {
      task.done('land', { result: 'conflict' });
      expect(task.told).toEqual([
        { to: 'parent', event: { type: 'task.conflicted', ordinal: 3, round, needsReview: false } },
      ]);
      task.send({ type: 'conflict.assigned', to: 10 + round }, { type: 'conflict.resolved', by: 10 + round });
    }
    task.done('land', { result: 'conflict', message: 'api:a.txt' });
    expect(task.path).toBe('conflict_unresolved');
    expect(task.context.failure).toEqual({ code: 'conflict', message: 'api:a.txt' });
    task.send({ type: 'task.recheck' });
    expect(task.path).toBe('merging');
    expect(task.context.failure).toBeNull();
  });
});

describe('what an agent says to the comments of a reviewer', () => {
  const answer = { comment: AGENT, outcome: 'fixed', text: 'done' };
  const answers = { many: [{ ...answer, lease: LEASE }] };

  it('is kept with what it hands in', () => {
    task.send(claim(1), { ...submit(), answers: [answer] });
    expect(task.params('answers.put')).toEqual(answers);
    expect(task.params('answers.count')).toBe(undefined);
  });

  it('counts at once where the task is reviewed by itself', () => {
    task = newTask({ needsReview: true });
    task.send(claim(1), { ...submit(), answers: [answer] });
    expect(task.params('answers.put')).toEqual(answers);
    expect(task.params('answers.count')).toEqual(answers);
  });

  it('answers what was asked in the round of its own review', () => {
    task = newTask({ needsReview: true, maxRounds: 2 });
    task.send(claim(1), submit());
    const changes = { type: 'task.requestChanges', summary: 'no', comments: [] };
    expect(task.send(changes)).toBe(true);
    expect(task.context.round).toBe(2);
    task.send(claim(2), submit());
    expect(task.send(changes)).toBe(false);
  });
});

describe('an agent that is back', () => {
  const back = (attempt: number, lease = LEASE) => ({
    type: 'task.regain',
    lease,
    agentId: AGENT,
    attempt,
    leaseSeconds: 60,
  });

  it('goes on where it was when its lease ran out and nobody else has taken the task, and that costs no attempt', () => {
    task.send(claim(1), expired());
    expect(task.context).toMatchObject({ failures: 1, lapsed: LEASE });
    expect(task.send(back(1, OTHER_LEASE))).toBe(false);
    expect(task.send(back(2))).toBe(false);
    expect(task.send(back(1))).toBe(true);
    expect(task.path).toBe('in_progress.working');
    expect(task.context).toMatchObject({ attempt: 1, failures: 0, lapsed: null, failure: null });
    expect(task.params('lease.put')).toEqual({ lease: LEASE, agent: AGENT, attempt: 1, seconds: 60 });
    expect(task.send({ ...submit(), answers: [] })).toBe(true);
  });

  it('waits for the answer again that it waited for', () => {
    task.send(claim(1), { type: 'task.ask', lease: LEASE, question: 'which?' }, expired(), back(1));
    expect(task.path).toBe('in_progress.asking');
    expect(task.params('lease.put')).toMatchObject({ lease: LEASE });
    task.send({ type: 'task.answer', answer: 'this' }, expired());
    expect(task.send(back(1))).toBe(true);
    expect(task.path).toBe('in_progress.working');
  });

  it('whose attempt was the last one goes on after a person has retried the task', () => {
    task = newTask({ maxAttempts: 1 });
    task.send(claim(1), expired());
    expect(task.path).toBe('failed');
    expect(task.send(back(1))).toBe(false);
    task.send({ type: 'task.retry' }, back(1));
    expect(task.path).toBe('in_progress.working');
    expect(task.context).toMatchObject({ attempt: 1, failures: 0, lapsed: null });
  });

  it('is too late when somebody else has had the task since, or when it gave up itself', () => {
    task.send(claim(1), expired(), { ...claim(2), lease: OTHER_LEASE }, expired(OTHER_LEASE));
    expect(task.send(back(1))).toBe(false);
    task = newTask();
    task.send(claim(1), {
      type: 'task.fail',
      lease: LEASE,
      code: 'no',
      message: '',
      retryAfterSeconds: null,
    });
    expect(task.send(back(1))).toBe(false);
  });
});

describe('an agent that has reached a limit', () => {
  const limited = (retryAfterSeconds: number | null = 90) => ({
    type: 'task.fail',
    lease: LEASE,
    code: 'rate_limited',
    message: 'too many tokens',
    retryAfterSeconds,
  });

  it('puts the task off until the time it gave, and that costs no attempt', () => {
    task.send(claim(1), limited());
    expect(task.path).toBe('deferred');
    expect(task.context).toMatchObject({ failures: 0, failure: { code: 'rate_limited' } });
    expect(task.asked).toContainEqual({
      type: 'xstate.raise',
      params: expect.objectContaining({ delay: 90_000 }) as unknown,
    });
    task.send({ type: 'xstate.after.deferral.task.deferred' });
    expect(task.path).toBe('queued');
    expect(task.send(claim(2))).toBe(true);
  });

  it('is sent on sooner by a person', () => {
    task.send(claim(1), limited(), { type: 'task.resume' });
    expect(task.path).toBe('queued');
  });

  it('that gives no time, or puts it off again and again, uses up attempts', () => {
    task.send(claim(1), limited(null));
    expect(task.path).toBe('queued');
    expect(task.context.failures).toBe(1);
    task = newTask();
    for (let attempt = 1; attempt <= MAX_DEFERRALS; attempt += 1)
      task.send(claim(attempt), limited(), { type: 'task.resume' });
    task.send(claim(MAX_DEFERRALS + 1), limited());
    expect(task.context.failures).toBe(1);
  });
});

describe('news of a merge task', () => {
  beforeEach(() => {
    task.send(claim(1), submit());
    task.done('land', { result: 'conflict' });
  });

  it('is believed before the phase has named the merge task', () => {
    expect(task.send({ type: 'conflict.resolved', by: 9 })).toBe(true);
    expect(task.path).toBe('merging');
  });

  it('is not believed when it is of an earlier conflict', () => {
    task.send({ type: 'conflict.assigned', to: 9 }, { type: 'conflict.resolved', by: 9 });
    task.done('land', { result: 'conflict' });
    expect(task.send({ type: 'conflict.failed', by: 9 })).toBe(false);
    task.send({ type: 'conflict.assigned', to: 9 });
    expect(task.context.resolver).toBeNull();
  });

  it('that it failed or was canceled asks for another one, as often as the plan allows', () => {
    task.send({ type: 'conflict.failed', by: 9 });
    expect(task.path).toBe('conflicted');
    expect(task.told).toEqual([
      { to: { sibling: 9 }, event: { type: 'conflict.dropped' } },
      { to: 'parent', event: { type: 'task.conflicted', ordinal: 3, round: 2, needsReview: false } },
    ]);
    expect(task.send({ type: 'conflict.failed', by: 9 })).toBe(false);
    task.send({ type: 'conflict.assigned', to: 10 }, { type: 'conflict.failed', by: 10 });
    expect(task.context.conflicts).toBe(3);
    task.send({ type: 'conflict.assigned', to: 11 }, { type: 'conflict.failed', by: 11 });
    expect(task.path).toBe('conflict_unresolved');
  });

  it('that the last one was canceled leaves the conflict to a person, who may waive the task', () => {
    task = newTask({ maxConflicts: 1 });
    task.send({ type: 'phase.opened' }, claim(1), submit());
    task.done('land', { result: 'conflict' });
    task.send({ type: 'conflict.failed', by: 9 });
    expect(task.tags).toEqual(['needs_you']);
    task.send({ type: 'task.waive' });
    expect(task.told).toContainEqual({ to: { sibling: 9 }, event: { type: 'conflict.dropped' } });
    task.done('retire');
    expect(task.told).toContainEqual({
      to: 'parent',
      event: { type: 'task.settled', ordinal: 3, outcome: 'waived' },
    });
  });
});

describe('a cancel', () => {
  it('says what dependents do when there are any', () => {
    task.send({ type: 'dependency.watch', by: 5 }, { type: 'dependency.watch', by: 5 });
    expect(task.context.watchers).toEqual([5]);
    expect(task.send({ type: 'task.cancel' })).toBe(false);
    expect(task.send({ type: 'task.cancel', dependents: 'keep' })).toBe(true);
    task.done('retire');
    expect(task.told).toContainEqual({
      to: { sibling: 5 },
      event: { type: 'dependency.settled', of: 3, outcome: 'canceled', policy: 'keep' },
    });
  });

  it('keeps the commits, and waits for a retry when it could not', () => {
    task.send({ type: 'task.cancel' });
    expect(task.params('xstate.spawnChild')).toMatchObject({
      src: 'task.retire',
      input: { outcome: 'canceled' },
    });
    task.fails('retire');
    expect(task.tags).toEqual(['busy', 'needs_you']);
    task.send({ type: 'task.retry' });
    task.done('retire');
    expect(task.path).toBe('canceled');
  });

  it('while it lands is decided by the result', () => {
    for (const [finish, path] of [
      [() => task.done('land', { result: 'landed' }), 'completed'],
      [() => task.done('land', { result: 'conflict' }), 'canceling.retiring'],
      [() => task.fails('land'), 'canceling.retiring'],
    ] as const) {
      task = newTask();
      task.send(claim(1), submit(), { type: 'task.cancel' });
      expect(task.path).toBe('merging');
      finish();
      expect(task.path).toBe(path);
    }
  });
});

describe('a settled task', () => {
  it('answers one that asks late', () => {
    task.send(claim(1), submit());
    task.done('land', { result: 'landed' });
    task.send({ type: 'dependency.watch', by: 8 });
    expect(task.told).toEqual([
      { to: { sibling: 8 }, event: { type: 'dependency.settled', of: 3, outcome: 'completed' } },
    ]);
  });

  it('ends a merge task that is assigned to it late', () => {
    task.send({ type: 'task.cancel' });
    task.done('retire');
    task.send({ type: 'conflict.assigned', to: 9 });
    expect(task.told).toEqual([{ to: { sibling: 9 }, event: { type: 'conflict.dropped' } }]);
  });

  it('takes nothing else', () => {
    task.send(claim(1), submit());
    task.done('land', { result: 'landed' });
    for (const type of ['task.retry', 'task.cancel', 'task.waive', 'task.resume', 'phase.canceling']) {
      expect(task.send({ type }), type).toBe(false);
    }
  });
});
