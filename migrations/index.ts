import type { MigrationObject } from '@mikro-orm/core';
import { Migration0001Actors } from './0001-actors.ts';
import { DomainMigration } from './0003-domain.ts';
import { AccessMigration } from './0004-access.ts';

/** Append-only and in order: a released migration is never edited, and its name is what the database remembers. */
export const migrations: readonly MigrationObject[] = [
  { name: '0001-actors', class: Migration0001Actors },
  { name: '0003-domain', class: DomainMigration },
  { name: '0004-access', class: AccessMigration },
];
