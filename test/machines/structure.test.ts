import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AnyStateNode } from 'xstate';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { toDefinition } from '../../src/machines/mermaid.ts';
import { leavesOf, tagsOf } from './leaf-states.ts';

const TAGS = ['waiting', 'claimable', 'leased', 'busy', 'needs_you', 'settled'];

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}

describe.each(machineDefinitions)('the $name machine', ({ machine, events }) => {
  const nodes = nodesOf(machine.root);
  const transitions = nodes.flatMap((node) => [
    ...[...node.transitions.values()].flat(),
    ...(node.always ?? []),
  ]);
  const actions = [
    ...transitions.flatMap((transition) => transition.actions),
    // A delay makes two actions of its own: one arms the timer on the way in, the other drops it on the way out.
    ...nodes.flatMap(({ entry, exit, after }) => [
      ...entry.slice(0, entry.length - after.length),
      ...exit.slice(0, exit.length - after.length),
    ]),
  ];
  const guards = transitions.flatMap(({ guard }) => (guard === undefined ? [] : [guard]));
  const invokes = nodes.flatMap((node) => node.invoke.map((invoke) => ({ node, invoke })));
  /** A named thing is a string, or an object with a string as type; a function, or a built-in, is not. */
  const nameOf = (named: unknown) =>
    typeof named === 'string'
      ? named
      : typeof named === 'object' && named !== null
        ? (named as { type?: unknown }).type
        : undefined;

  it('describes every state', () => {
    expect(nodes.filter(({ description }) => (description ?? '').length < 10).map(({ id }) => id)).toEqual(
      [],
    );
  });

  it('has a known tag on the way to every leaf state', () => {
    for (const leaf of leavesOf(toDefinition(machine))) {
      expect(tagsOf(leaf), leaf.path).not.toEqual([]);
      expect(
        tagsOf(leaf).filter((tag) => !TAGS.includes(tag)),
        leaf.path,
      ).toEqual([]);
    }
  });

  it('has explicit ids and an answer to done and to error on every invoke', () => {
    for (const { node, invoke } of invokes) {
      expect(invoke.id).toMatch(/^[a-z]+$/);
      expect(node.transitions.get(`xstate.done.actor.${invoke.id}`)?.length, node.id).toBeGreaterThan(0);
      expect(node.transitions.get(`xstate.error.actor.${invoke.id}`)?.length, node.id).toBeGreaterThan(0);
      expect(
        node.transitions.get(`xstate.done.actor.${invoke.id}`)?.at(-1)?.guard,
        'the last is for everything else',
      ).toBeUndefined();
      expect(node.transitions.get(`xstate.error.actor.${invoke.id}`)?.at(-1)?.guard).toBeUndefined();
    }
  });

  it('names actions, guards and effects, and implements each name', () => {
    expect(
      actions
        .map(nameOf)
        .filter((name) => typeof name !== 'string' || !(name in machine.implementations.actions)),
    ).toEqual([]);
    expect(
      guards
        .map(nameOf)
        .filter((name) => typeof name !== 'string' || !(name in machine.implementations.guards)),
    ).toEqual([]);
    expect(
      invokes
        .map(({ invoke }) => invoke.src)
        .filter((src) => typeof src !== 'string' || !(src in machine.implementations.actors)),
    ).toEqual([]);
  });

  it('implements nothing that it does not name', () => {
    const used = new Set([
      ...actions.map(nameOf),
      ...guards.map(nameOf),
      ...invokes.map(({ invoke }) => invoke.src),
    ]);
    const { actions: a, guards: g, actors } = machine.implementations;
    expect(
      [...Object.keys(a), ...Object.keys(g), ...Object.keys(actors)].filter((name) => !used.has(name)),
    ).toEqual([]);
  });

  it('names delays, if it has any', () => {
    const delayed = nodes.flatMap((node) => node.after);
    expect(
      delayed.filter(({ delay }) => typeof delay !== 'string' || !(delay in machine.implementations.delays)),
    ).toEqual([]);
  });

  it('knows only the events of its catalog', () => {
    const named = new Set(
      nodes.flatMap((node) => [...node.transitions.keys()]).filter((type) => !type.startsWith('xstate.')),
    );
    expect([...named].filter((type) => !(type in events))).toEqual([]);
  });

  it('says who may send each event, and what it says', () => {
    for (const [type, { senders, description, schema }] of Object.entries(events)) {
      expect(senders.length, type).toBeGreaterThan(0);
      expect(description, type).toMatch(/^[A-Z].+\.$/s);
      expect(schema.safeParse({ surprise: true }).success, `${type} takes unknown fields`).toBe(false);
    }
  });
});

describe('src/machines', () => {
  const folder = new URL('../../src/machines/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const sources = files.map((file) => ({ file, text: readFileSync(new URL(file, folder), 'utf8') }));

  it.each(sources)('$file imports xstate, zod and its neighbors only', ({ text }) => {
    const imported = [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, name]) => name ?? '');
    expect(
      imported.filter((name) => name !== 'xstate' && name !== 'zod' && !/^\.{1,2}\/(?!.*\.\.\/)/.test(name)),
    ).toEqual([]);
    expect(imported.filter((name) => /actors|services|git\/|db\/|http/.test(name))).toEqual([]);
  });

  it.each(sources)('$file reads no clock, makes no random number and does no I/O', ({ text }) => {
    expect(text).not.toMatch(
      /\bDate\b|performance\.|Math\.random|randomUUID|crypto|process\.|setTimeout|setInterval|fetch\(|console\./,
    );
  });
});
