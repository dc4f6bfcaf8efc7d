import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'Task',
  tableName: 'task',
  properties: {
    id: p.uuid().primary(),
    phaseId: p.uuid().name('phase_id'),
    initiativeId: p.uuid().name('initiative_id'),
    ordinal: p.integer(),
    key: p.text(),
    title: p.text(),
    description: p.text().default(''),
    category: p.text().$type<'execute' | 'review' | 'merge'>(),
    priority: p.integer(),
    needsReview: p.boolean().name('needs_review'),
    capabilities: p.array().columnType('text[]').$type<string[]>(),
    projects: p.array().columnType('text[]').$type<string[] | null>().nullable(),
    dependsOn: p.array().columnType('int[]').$type<number[]>().name('depends_on'),
    conflictOf: p.text().$type<'task' | 'phase' | 'initiative'>().name('conflict_of').nullable(),
    resolves: p.integer().nullable(),
    round: p.integer().nullable(),
    createdAt: p.datetime().name('created_at').defaultRaw('db_now()'),
  },
});

/** What is to be done in a task; where it stands is in its actor, which has the same id. */
export class Task extends schema.class {}
schema.setClass(Task);
