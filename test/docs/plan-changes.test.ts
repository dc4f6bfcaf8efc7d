import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { toDefinition } from '../../src/machines/mermaid.ts';
import { isTransient, leavesOf, takes } from '../machines/leaf-states.ts';

const page = await readFile(new URL('../../docs/plan-changes.md', import.meta.url), 'utf8');

/** The lines of the table below a heading, as cells without backquotes. */
function tableOf(name: string): string[][] {
  const [, section = ''] = page.split(`\n## ${name}\n`);
  return (section.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('|-') && !line.startsWith('| -'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

test.each(machineDefinitions)(
  'the page on changes says of every state of the $name which of them it takes',
  ({ name, machine }) => {
    const [[, ...changes] = [], ...states] = tableOf(name);
    expect(changes.length).toBeGreaterThan(5);
    const leaves = leavesOf(toDefinition(machine)).filter((leaf) => !isTransient(leaf));
    expect(states).toEqual(
      leaves.map((leaf) => [
        leaf.path,
        ...changes.map((change) => (takes(leaf, `${name}.${change}`) ? 'yes' : '')),
      ]),
    );
  },
);

test('the page on changes leaves out none that operators may send', () => {
  const others = ['start', 'approvePlan', 'recheck', 'answer', 'resumeDelivery', 'revertDelivery', 'sync'];
  for (const { name, events } of machineDefinitions) {
    const [[, ...changes] = []] = tableOf(name);
    const sent = Object.entries(events)
      .filter(([, { senders }]) => senders.includes('operator'))
      .map(([type]) => type.slice(name.length + 1));
    expect([...changes, ...others]).toEqual(expect.arrayContaining(sent));
  }
});
