import { z } from 'zod';
import { type EventCatalog, type EventEntry, PEOPLE } from '../machines/event-catalog.ts';
import { initiativeEvents } from '../machines/initiative-events.ts';
import {
  commentsSchema,
  keySchema,
  MAX_DEPENDENCIES,
  MAX_PARTS,
  MAX_TASKS,
  newPhaseSchema,
  newTaskSchema,
} from '../machines/payloads.ts';
import { ADDED_TO_APPROVALS, changesSchema } from '../machines/review-events.ts';
import { phaseEvents } from '../machines/phase-events.ts';
import { taskEvents } from '../machines/task-events.ts';
import type { Kind } from './shapes/actor.ts';

/** How many phases one event may put in order. */
const MAX_ORDERED = 1_000;

/** People name siblings by key; the service makes ordinals of them, which is what the machines remember. */
const dependsOn = z.array(keySchema).max(MAX_DEPENDENCIES).describe('Keys of siblings.');

export const newTaskAtDoorSchema = newTaskSchema.extend({ dependsOn: dependsOn.default([]) });
export type NewTask = z.infer<typeof newTaskAtDoorSchema>;

export const newPhaseAtDoorSchema = newPhaseSchema.extend({
  dependsOn: dependsOn.default([]),
  tasks: z.array(newTaskAtDoorSchema).max(MAX_TASKS).default([]),
});
export type NewPhase = z.infer<typeof newPhaseAtDoorSchema>;

export const relinkAtDoorSchema = z.strictObject({ dependsOn });
export type Relink = z.infer<typeof relinkAtDoorSchema>;

/** What a part leaves out it has from the task that is split. */
const taskPartAtDoorSchema = newTaskSchema.extend({
  dependsOn: dependsOn.optional().describe('Keys of siblings, or of parts before this one in the list.'),
  priority: newTaskSchema.shape.priority.unwrap().optional(),
  capabilities: newTaskSchema.shape.capabilities.unwrap().optional(),
  needsReview: newTaskSchema.shape.needsReview.unwrap().optional(),
  projects: newTaskSchema.shape.projects.unwrap().optional(),
});
export const splitAtDoorSchema = z.strictObject({
  into: z.array(taskPartAtDoorSchema).min(2).max(MAX_PARTS),
});
export type Split = z.infer<typeof splitAtDoorSchema>;

export const reorderAtDoorSchema = z.strictObject({
  phases: z
    .array(keySchema)
    .min(1)
    .max(MAX_ORDERED)
    .describe('Keys of phases that have not begun; those that are not named come after them.'),
});
export type Reorder = z.infer<typeof reorderAtDoorSchema>;

/** Comments as people write them; the service finds their places. */
const changesAtDoorSchema = changesSchema.extend({ comments: commentsSchema.default([]) });

const WRITTEN_BY_PEOPLE: Readonly<Record<string, z.ZodObject>> = {
  'initiative.addPhase': newPhaseAtDoorSchema,
  'phase.addTask': newTaskAtDoorSchema,
  'initiative.requestChanges': changesAtDoorSchema,
  'phase.requestChanges': changesAtDoorSchema,
  'task.requestChanges': changesAtDoorSchema,
  'phase.relink': relinkAtDoorSchema,
  'task.relink': relinkAtDoorSchema,
  'task.split': splitAtDoorSchema,
  'initiative.reorder': reorderAtDoorSchema,
};

export function isForPeople({ senders }: Pick<EventEntry, 'senders'>): boolean {
  return PEOPLE.some((scope) => senders.includes(scope));
}

/** What people write of an event: no digest, which the service makes of the heads. */
function atTheDoor(type: string, entry: EventEntry): EventEntry {
  if (!isForPeople(entry)) return entry;
  const written = WRITTEN_BY_PEOPLE[type];
  if (written !== undefined) return { ...entry, schema: written };
  return 'digest' in entry.schema.shape ? { ...entry, schema: entry.schema.omit(ADDED_TO_APPROVALS) } : entry;
}

function doorCatalog(catalog: EventCatalog): EventCatalog {
  return Object.fromEntries(Object.entries(catalog).map(([type, entry]) => [type, atTheDoor(type, entry)]));
}

/** The machines' events, those of people in the shape in which they are posted. */
export const doorEvents: Readonly<Record<Kind, EventCatalog>> = {
  initiative: doorCatalog(initiativeEvents),
  phase: doorCatalog(phaseEvents),
  task: doorCatalog(taskEvents),
};
