import { machineDefinitions, type MachineDefinition } from '../src/machines/definitions.ts';
import type { StateOutline } from '../src/machines/machine-definition.ts';
import { toDefinition, toMermaid } from '../src/machines/mermaid.ts';
import { generate, type GeneratedDocument } from './generated-docs.ts';

/** Guards have a `|` in no name, but a description may. */
const cell = (text: string) => text.replaceAll('|', '\\|');
const code = (list: readonly string[]) => list.map((one) => `\`${one}\``).join(', ');

function row(state: StateOutline, path: readonly string[]): string {
  const effects = (state.invoke ?? []).map(({ src }) => ` Runs \`${src}\`.`).join('');
  const cells = [
    `\`${path.join('.')}\``,
    `${state.description ?? ''}${effects}`,
    code(state.tags ?? []),
    code(Object.keys(state.on ?? {})),
  ];
  return `| ${cells.map(cell).join(' | ')} |`;
}

function rows(state: StateOutline, path: readonly string[]): string[] {
  return Object.entries(state.states ?? {}).flatMap(([key, inner]) => [
    row(inner, [...path, key]),
    ...rows(inner, [...path, key]),
  ]);
}

function document({ name, version, machine }: MachineDefinition): GeneratedDocument {
  const definition = toDefinition(machine);
  const text = [
    `# The ${name} machine`,
    '',
    `<!-- Made by scripts/machine-docs.ts from src/machines/${name}.ts: do not edit. -->`,
    '',
    `${definition.description ?? ''} Version ${version}.`,
    '',
    'Tags are in parentheses, guards in brackets. An event inside a box is taken without leaving it. What each event says, and who',
    'may send it, is in [events.md](../events.md).',
    '',
    '```mermaid',
    toMermaid(machine).trimEnd(),
    '```',
    '',
    `In every state: ${code(Object.keys(definition.on ?? {}))}.`,
    '',
    'An inner state has the tags and takes the events of the states around it, too.',
    '',
    '| state | description | tags | events |',
    '|---|---|---|---|',
    ...rows(definition, []),
    '',
  ].join('\n');
  return { file: `docs/machines/${name}.md`, text };
}

/** The pages of docs/machines. */
export function machineDocuments(): GeneratedDocument[] {
  return machineDefinitions.map(document);
}

if (process.argv[1]?.endsWith('machine-docs.ts')) {
  await generate(machineDocuments(), process.argv.slice(2));
}
