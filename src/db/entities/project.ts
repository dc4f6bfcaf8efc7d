import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'Project',
  tableName: 'project',
  properties: {
    id: p.uuid().primary(),
    key: p.text().unique(),
    remote: p.text(),
    defaultBranch: p.text().name('default_branch'),
    checkedOut: p.boolean().name('checked_out').default(false),
    createdAt: p.datetime().name('created_at').defaultRaw('db_now()'),
    fetchedAt: p.datetime().name('fetched_at').defaultRaw('db_now()'),
  },
});

/** A repository that initiatives deliver to. */
export class Project extends schema.class {}
schema.setClass(Project);
