import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventDocuments } from '../../scripts/event-docs.ts';
import { staleDocuments } from '../../scripts/generated-docs.ts';
import { machineDocuments } from '../../scripts/machine-docs.ts';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { toDefinition, toMermaid } from '../../src/machines/mermaid.ts';
import { leavesOf, tagsOf } from './leaf-states.ts';

const glossary = readFileSync(new URL('../../docs/glossary.md', import.meta.url), 'utf8');

describe('docs', () => {
  it('has a fresh page for each machine', async () => {
    expect(machineDocuments().map(({ file }) => file)).toEqual([
      'docs/machines/initiative.md',
      'docs/machines/phase.md',
      'docs/machines/task.md',
    ]);
    expect(await staleDocuments(machineDocuments())).toEqual([]);
  });

  it('has a fresh page of all events', async () => {
    expect(await staleDocuments(eventDocuments())).toEqual([]);
  });

  it('notices a page that is stale', async () => {
    const [page] = machineDocuments();
    expect(await staleDocuments([{ file: page?.file ?? '', text: `${page?.text} ` }])).toEqual([page?.file]);
  });

  it.each(machineDefinitions)(
    'explains every outer state and every tag of the $name in the glossary',
    ({ machine }) => {
      const definition = toDefinition(machine);
      const words = [...Object.keys(definition.states ?? {}), ...leavesOf(definition).flatMap(tagsOf)];
      expect([...new Set(words)].filter((word) => !glossary.includes(`\`${word}\``))).toEqual([]);
    },
  );
});

describe.each(machineDefinitions)('the diagram of the $name', ({ machine }) => {
  const diagram = toMermaid(machine);
  const definition = toDefinition(machine);

  it('draws every state and every effect', () => {
    for (const { path, line } of leavesOf(definition)) {
      expect(diagram).toContain(`  ${path.replaceAll('.', '_')} : ${path.split('.').at(-1)}`);
      for (const { src } of line.at(-1)?.invoke ?? []) expect(diagram).toContain(`runs ${src}`);
    }
  });

  it('draws each arrow once, between states that it draws', () => {
    const arrows = [...diagram.matchAll(/^ {2}(\w+) --> (\w+)(?: : (.*))?$/gm)];
    const pairs = arrows.map(([, from, to]) => `${from} ${to}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    for (const [, from, to] of arrows) {
      expect(diagram).toMatch(new RegExp(`(^ +${from} : )|( as ${from} \\{)`, 'm'));
      expect(diagram).toMatch(new RegExp(`(^ +${to} : )|( as ${to} \\{)`, 'm'));
    }
  });

  it('is JSON through and through as a definition', () => {
    expect(JSON.parse(JSON.stringify(definition))).toEqual(definition);
  });
});
