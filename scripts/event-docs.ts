import { z } from 'zod';
import { machineDefinitions, type MachineDefinition } from '../src/machines/definitions.ts';
import type { EventEntry } from '../src/machines/event-catalog.ts';
import { doorEvents } from '../src/services/door-events.ts';
import { generate, type GeneratedDocument } from './generated-docs.ts';

interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
}

function bounds({ minimum, maximum, maxLength, maxItems, maxProperties }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) {
    return maximum === Number.MAX_SAFE_INTEGER ? ` from ${minimum}` : ` ${minimum} to ${maximum}`;
  }
  const most = maxLength ?? maxItems ?? maxProperties;
  return most === undefined ? '' : ` up to ${most}`;
}

function shape(schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map(shape).join(' or ');
  if (schema.enum) return schema.enum.map((value) => `"${value}"`).join(' or ');
  if (schema.type === 'array') return `list of ${shape(schema.items ?? {})}${bounds(schema)}`;
  if (schema.properties) return `{${fields(schema).join(', ')}}`;
  if (typeof schema.additionalProperties === 'object')
    return `${shape(schema.additionalProperties)}, by key${bounds(schema)}`;
  if (schema.format === 'uuid') return 'uuid';
  return `${schema.type ?? 'anything'}${bounds(schema)}`;
}

function fields({ properties = {}, required = [] }: Schema): string[] {
  return Object.entries(properties).map(
    ([name, field]) => `${name}${required.includes(name) ? '' : '?'}: ${shape(field)}`,
  );
}

function payload({ schema }: EventEntry): string {
  const list = fields(z.toJSONSchema(schema, { io: 'input' }) as Schema);
  return list.length === 0 ? 'none' : list.map((field) => `\`${field}\``).join('<br>');
}

function row(type: string, entry: EventEntry): string {
  return `| \`${type}\` | ${entry.senders.join(', ')} | ${payload(entry)} | ${entry.description} |`;
}

function section({ name }: MachineDefinition): string[] {
  return [
    `## ${name}`,
    '',
    '| event | sender | payload | what it says |',
    '|---|---|---|---|',
    ...Object.entries(doorEvents[name]).map(([type, entry]) => row(type, entry)),
    '',
  ];
}

/** The page docs/events.md. */
export function eventDocuments(): GeneratedDocument[] {
  const text = [
    '# Events',
    '',
    '<!-- Made by scripts/event-docs.ts from the catalogs in src/machines and src/services/door-events.ts: do not edit. -->',
    '',
    'People and programs send `{"type": ..., ...payload}` to `POST /v1/{initiatives|phases|tasks}/:id/events`. What may be sent',
    'depends on the state: see [the machines](machines/). The door takes an event only from a token whose scope is among the',
    'senders; `service` (on behalf of an agent that holds the lease, or of a clock) and `message` (one actor to another) never come',
    'through it. A field with `?` may be left out. Unknown fields are refused.',
    '',
    ...machineDefinitions.flatMap(section),
  ].join('\n');
  return [{ file: 'docs/events.md', text }];
}

if (process.argv[1]?.endsWith('event-docs.ts')) {
  await generate(eventDocuments(), process.argv.slice(2));
}
