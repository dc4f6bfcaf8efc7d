import type { EntityClass, EntitySchema } from '@mikro-orm/core';
import { Agent } from './agent.ts';
import { InitiativeProject } from './initiative-project.ts';
import { Initiative } from './initiative.ts';
import { Phase } from './phase.ts';
import { Project } from './project.ts';
import { Task } from './task.ts';

/** Every entity of the service; `openDatabase` hands the list to MikroORM. */
export const entities: readonly (EntityClass<object> | EntitySchema)[] = [
  Agent,
  Initiative,
  InitiativeProject,
  Phase,
  Project,
  Task,
];
