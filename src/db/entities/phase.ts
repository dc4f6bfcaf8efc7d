import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'Phase',
  tableName: 'phase',
  properties: {
    id: p.uuid().primary(),
    initiativeId: p.uuid().name('initiative_id'),
    ordinal: p.integer(),
    key: p.text(),
    title: p.text(),
    description: p.text().default(''),
    dependsOn: p.array().columnType('int[]').$type<number[]>().name('depends_on'),
    createdAt: p.datetime().name('created_at').defaultRaw('db_now()'),
  },
});

/** What people wrote down about a phase; where it stands is in its actor, which has the same id. */
export class Phase extends schema.class {}
schema.setClass(Phase);
