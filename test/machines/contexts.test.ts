import { describe, expect, it } from 'vitest';
import { createActor, toPromise, transition, type AnyEventObject } from 'xstate';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { effect } from '../../src/machines/effect.ts';
import { failure, failureOf } from '../../src/machines/failure.ts';
import { initialInitiativeContext } from '../../src/machines/initiative-context.ts';
import { inert } from '../../src/machines/outbox.ts';
import { initialPhaseContext } from '../../src/machines/phase-context.ts';
import { initialTaskContext } from '../../src/machines/task-context.ts';
import { LEASE } from './family/people.ts';
import { SPACES } from './spaces.ts';

const DIGEST = 'd'.repeat(64);
const ordinals = (count: number) => Array.from({ length: count }, (_, index) => 9_999 - index);
const worstFailure = failure('x'.repeat(64), '\u{1F600}'.repeat(4_000));
const common = {
  failure: worstFailure,
  cancelRequested: true,
  dependents: 'release' as const,
  outcome: 'completed' as const,
};
const linked = { pending: ordinals(64), stranded: ordinals(64), watchers: ordinals(64) };

describe('the largest context', () => {
  it.each([
    [
      'task',
      {
        ...initialTaskContext({
          ordinal: 9_999,
          category: 'execute',
          needsReview: false,
          priority: 100,
          phaseOpen: true,
          dependsOn: [],
          conflictOf: 'task',
          resolves: 9_998,
          maxRounds: 50,
          maxConflicts: 20,
          maxAttempts: 100,
        }),
        ...linked,
        ...common,
        lease: { id: LEASE, agentId: LEASE },
        submission: DIGEST,
      },
    ],
    [
      'phase',
      {
        ...initialPhaseContext({
          ordinal: 9_999,
          mode: 'review_per_phase',
          draft: false,
          dependsOn: [],
          tasks: 200,
          paused: false,
          maxAttempts: 100,
          maxRounds: 100,
          maxConflicts: 3,
        }),
        ...linked,
        ...common,
        heads: DIGEST,
        approved: DIGEST,
      },
    ],
    [
      'initiative',
      {
        ...initialInitiativeContext({
          mode: 'review_per_phase',
          phaseLimit: 200,
          phases: 200,
          autostart: false,
          maxAttempts: 100,
          maxRounds: 100,
          maxConflicts: 3,
        }),
        waiting: ordinals(200),
        heads: DIGEST,
        approved: DIGEST,
        failure: worstFailure,
      },
    ],
  ])('of a %s is under 2 KB', (_, context) => {
    expect(Buffer.byteLength(JSON.stringify(context))).toBeLessThan(2_048);
  });
});

describe('a failure', () => {
  it.each([
    [
      { code: 'lost', message: 'gone' },
      { code: 'lost', message: 'gone' },
    ],
    ['plain text', { code: 'effect_failed', message: 'plain text' }],
    [null, { code: 'effect_failed', message: 'null' }],
    [{}, { code: 'effect_failed', message: 'the effect failed' }],
    [
      { code: 7, message: 'a\u0000b\uD800' },
      { code: 'effect_failed', message: 'a b\uFFFD' },
    ],
  ])('of %j can be stored', (error, stored) => {
    expect(failureOf(error)).toEqual(stored);
  });
});

describe.each(machineDefinitions)('the $name machine', ({ name, machine }) => {
  const space = SPACES[name];

  it('gives the same output for the same input', () => {
    const [start] = space.starts;
    if (start === undefined) throw new Error('nothing to start with');
    const frozen = JSON.stringify(machine.getPersistedSnapshot(start));
    for (const event of space.events(start)) {
      const twice = [transition(machine, start, event), transition(machine, start, event)].map(
        ([next, actions]) =>
          JSON.stringify([
            next.value,
            next.context,
            actions.map(({ type, params }) => [type, type.startsWith('xstate.') ? null : params]),
          ]),
      );
      expect(twice[0], event.type).toBe(twice[1]);
    }
    expect(JSON.stringify(machine.getPersistedSnapshot(start))).toBe(frozen);
  });

  /** XState hands every action whatever event came; none of them may take another event for its own. */
  it('guards and notes nothing on an event of another kind', () => {
    const args = { context: space.starts[0]?.context, event: { type: 'something.else' } as AnyEventObject };
    const byEvent = [
      'canRelink',
      'waitsForIt',
      'cancelsWithIt',
      'holdsLease',
      'holdsLeaseAndIsReviewed',
      'holdsLastLease',
      'isNextAttempt',
      'isStoppedByUser',
      'areHeadsServed',
      'saysWhatDependentsDo',
      'isFromResolver',
    ];
    for (const guard of byEvent.filter((one) => one in machine.implementations.guards)) {
      const implementation = machine.implementations.guards[guard] as unknown as (
        a: object,
        b: object,
      ) => unknown;
      expect(implementation(args, {}), guard).toBe(false);
    }
    const notes = [
      'watch',
      'noteDependency',
      'relink',
      'unwatch',
      'replaceDependency',
      'recordSplit',
      'countParts',
      'dropPlace',
      'reorder',
      'reprioritize',
      'takeLease',
      'recordSubmission',
      'recordResolver',
      'noteRequest',
      'noteResolved',
      'noteWithdrawn',
    ];
    for (const note of notes.filter((one) => one in machine.implementations.actions)) {
      const action = machine.implementations.actions[note] as unknown as {
        assignment: (a: object) => unknown;
      };
      expect(action.assignment(args), note).toEqual({});
    }
  });
});

describe('what machines name', () => {
  it('is never run by them: an effect that is started says so', async () => {
    const actor = createActor(effect(), { input: {} });
    actor.subscribe({ error: () => undefined });
    const result = toPromise(actor);
    actor.start();
    await expect(result).rejects.toThrow('machines start nothing');
  });

  it('does nothing as an action', () => {
    expect(inert<object>()({}, {})).toBeUndefined();
  });
});
