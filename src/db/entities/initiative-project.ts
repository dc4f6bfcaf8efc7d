import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'InitiativeProject',
  tableName: 'initiative_project',
  properties: {
    initiativeId: p.uuid().name('initiative_id').primary(),
    projectId: p.uuid().name('project_id').primary(),
    strategy: p.text().$type<'push_branch' | 'merge_and_push'>(),
  },
});

/** A project that an initiative works in, and how it is delivered there. */
export class InitiativeProject extends schema.class {}
schema.setClass(InitiativeProject);
