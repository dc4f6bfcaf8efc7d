import { getShortestPaths } from 'xstate/graph';
import { initialTransition, transition } from 'xstate';
import type { AnyMachineSnapshot } from 'xstate';
import { describe, expect, it } from 'vitest';

import type { Move } from '../../../src/actors/scope.ts';
import { InertScope } from '../../../src/actors/scope.ts';
import { nodeMachine } from '../support/machines.ts';

const events = [
  { type: 'work', job: 'a' },
  { type: 'restart' },
  { type: 'stop' },
  { type: 'nap' },
  { type: 'snooze' },
  { type: 'blink' },
  { type: 'bear' },
  { type: 'notes', key: 'k' },
  { type: 'finish' },
  { type: 'settle' },
  { type: 'add', by: 1 },
  { type: 'xstate.done.actor.work', output: 1, actorId: 'work' },
  { type: 'xstate.error.actor.work', error: { code: 'x' }, actorId: 'work' },
  { type: 'xstate.after.nap.node.napping' },
] as unknown as Parameters<typeof transition<typeof nodeMachine>>[2][];

/** What the runtime reads of a move. */
function plain({ snapshot, actions }: Move) {
  return JSON.parse(
    JSON.stringify({
      value: snapshot.value,
      context: snapshot.context,
      status: snapshot.status,
      tags: [...snapshot.tags],
      children: Object.keys(snapshot.children),
      actions: actions.map(({ type, params }) => {
        if (type === 'xstate.spawnChild') {
          const { id, src, input } = params as { id: string; src: string; input: unknown };
          return { type, id, src, input };
        }
        return type === 'xstate.stopChild'
          ? { type, id: (params as { id: string } | undefined)?.id }
          : { type, params };
      }),
    }),
  ) as unknown;
}

describe('the inert scope', () => {
  it("moves like XState's own transition() along every path of the graph, by every event", () => {
    const scope = new InertScope(nodeMachine);
    const [start, startActions] = initialTransition(nodeMachine, { total: 1 });
    const own = scope.initial({ total: 1 });
    expect(plain(own)).toEqual(plain({ snapshot: start, actions: startActions }));
    const paths = getShortestPaths(nodeMachine, {
      input: { total: 1 },
      events,
      stopWhen: ({ context }) => context.total > 1 || context.children > 0 || context.naps > 0,
    });
    let moves = 0;
    for (const { steps } of paths) {
      let theirs: AnyMachineSnapshot = start;
      let ours = own.snapshot;
      for (const { event } of [...steps.slice(1), ...events.map((last) => ({ event: last }))]) {
        if (theirs.status !== 'active') break;
        const [next, actions] = transition(nodeMachine, theirs as typeof start, event);
        const move = scope.transition(ours, event);
        expect(plain(move)).toEqual(plain({ snapshot: next, actions }));
        [theirs, ours, moves] = [next, move.snapshot, moves + 1];
      }
    }
    expect(moves).toBeGreaterThan(100);
  });

  it('knows that a declared no-op is enabled, which can() denies', () => {
    const scope = new InertScope(nodeMachine);
    const { snapshot } = scope.initial({});
    expect(scope.isEnabled(snapshot, { type: 'noop' })).toBe(true);
    expect(snapshot.can({ type: 'noop' })).toBe(false);
    expect(scope.isEnabled(snapshot, { type: 'snooze' })).toBe(false);
  });

  it('starts nothing', () => {
    const scope = new InertScope(nodeMachine);
    // The logic of the effect rejects when it is started, and an unhandled rejection fails the run.
    const { snapshot } = scope.transition(scope.initial({}).snapshot, { type: 'work' });
    expect(snapshot.value).toBe('working');
  });
});
