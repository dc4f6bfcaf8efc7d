import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'Initiative',
  tableName: 'initiative',
  properties: {
    id: p.uuid().primary(),
    key: p.text().unique(),
    title: p.text(),
    description: p.text().default(''),
    mode: p.text().$type<'yolo' | 'review_per_phase'>(),
    paused: p.boolean().default(false),
    taskLimit: p.integer().name('task_limit'),
    createdAt: p.datetime().name('created_at').defaultRaw('db_now()'),
  },
});

/** What people wrote down about an initiative; where it stands is in its actor, which has the same id. */
export class Initiative extends schema.class {}
schema.setClass(Initiative);
