import { describe, expect, it } from 'vitest';
import { transition } from 'xstate';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { toDefinition } from '../../src/machines/mermaid.ts';
import { canSettle, explore, type Node } from './explore.ts';
import { isTransient, leavesOf } from './leaf-states.ts';
import { SPACES } from './spaces.ts';

const HUMAN = ['admin', 'operator', 'reviewer'];

/**
 * States that only a message leads out of, and why it comes. The family tests play these arguments: a parent that stops
 * telling its children, or a child that settles in silence, fails them.
 */
const WAITS_FOR_A_MESSAGE: Readonly<Record<string, string>> = {
  'task splitting':
    'split.made or split.refused: the phase was told task.splitting, and answers it wherever a task of it is not settled; while it is canceling it has told the task so',
  'phase canceling.draining':
    'task.settled: each task was told phase.canceling, takes it in every state (while merging it is recorded), and tells its parent when it settles',
  'initiative canceling.draining':
    'phase.settled: each phase was told initiative.canceling, takes it in every state (while landing it is recorded), and tells its parent when it settles',
};

describe.each(machineDefinitions)('the $name machine', ({ name, machine, events }) => {
  const nodes = explore(SPACES[name]);
  const all = [...nodes.values()];
  const waiting = all.filter(({ snapshot }) => !snapshot.hasTag('settled'));

  const hasEffect = ({ snapshot }: Node) => Object.keys(snapshot.children).length > 0;
  const leaves = ({ edges, path }: Node, may: (senders: readonly string[]) => boolean) =>
    edges.some((edge) => edge.path !== path && may(events[edge.event]?.senders ?? []));

  it('comes into each of its states', () => {
    const reached = new Set(all.map(({ path }) => path));
    const missed = leavesOf(toDefinition(machine)).filter(
      (leaf) => !isTransient(leaf) && !reached.has(leaf.path),
    );
    expect(missed.map(({ path }) => path)).toEqual([]);
  });

  it('takes each event of its catalog somewhere, and no other', () => {
    const taken = new Set(
      all
        .flatMap(({ edges }) => edges.map(({ event }) => event))
        .filter((type) => !type.startsWith('xstate.')),
    );
    expect([...taken].toSorted()).toEqual(Object.keys(events).toSorted());
  });

  it('has an event, a timer or an effect under way wherever it is not settled', () => {
    const dead = waiting.filter((node) => node.edges.length === 0 && !hasEffect(node));
    expect(dead.map(({ key }) => key)).toEqual([]);
  });

  it('waits nowhere without a person, a lease, an effect, or a message that is sure to come', () => {
    const unbound = waiting.filter(
      (node) =>
        !hasEffect(node) &&
        !leaves(node, (senders) => senders.some((sender) => HUMAN.includes(sender))) &&
        !(`${name} ${node.path}` in WAITS_FOR_A_MESSAGE),
    );
    expect(unbound.map(({ key }) => key)).toEqual([]);
  });

  it('explains only states that do wait for a message', () => {
    const explained = Object.keys(WAITS_FOR_A_MESSAGE).filter((key) => key.startsWith(`${name} `));
    for (const key of explained) {
      const there = waiting.filter((node) => `${name} ${node.path}` === key);
      expect(there.length).toBeGreaterThan(0);
      const moves = ({ edges, key: from }: Node) =>
        edges.some((edge) => edge.key !== from && events[edge.event]?.senders.includes('message'));
      expect(there.every(moves)).toBe(true);
    }
  });

  it('leaves a leased state when the lease expires', () => {
    const leased = waiting.filter(({ snapshot }) => snapshot.hasTag('leased'));
    expect(
      leased.every(({ edges }) =>
        edges.some(({ event, path }) => event === 'lease.expired' && !path.startsWith('in_progress')),
      ),
    ).toBe(true);
    expect(leased.length > 0).toBe(name === 'task');
  });

  it('goes to another state with every result of an effect', () => {
    const stays = all.flatMap(({ path, edges }) =>
      edges
        .filter((edge) => edge.event.startsWith('xstate.') && edge.path === path)
        .map(({ event }) => `${path} ${event}`),
    );
    expect(stays).toEqual([]);
  });

  it('can come to a settled state from everywhere', () => {
    const settles = canSettle(nodes);
    expect(all.filter(({ key }) => !settles.has(key)).map(({ key }) => key)).toEqual([]);
  });

  it('remembers and asks for nothing but JSON', () => {
    const asked: unknown[] = all.map(({ snapshot }) => snapshot.context as unknown);
    // One node of each state is enough: what is asked for hangs on the event, not on the counters.
    for (const { snapshot } of new Map(all.map((node) => [node.path, node])).values()) {
      for (const event of SPACES[name].events(snapshot)) {
        if (machine.getTransitionData(snapshot, event).length === 0) continue;
        const actions = transition(machine, snapshot, event)[1];
        asked.push(...actions.filter(({ type }) => !type.startsWith('xstate.')).map(({ params }) => params));
      }
    }
    expect(asked.length).toBeGreaterThan(all.length + 50);
    expect(JSON.parse(JSON.stringify(asked))).toEqual(asked);
  });

  it('never ends: settled states still answer', () => {
    expect(all.every(({ snapshot }) => snapshot.status === 'active')).toBe(true);
  });
});
