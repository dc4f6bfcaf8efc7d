import type { MigrationObject } from '@mikro-orm/core';

/** Append-only and in order: a released migration is never edited, and its name is what the database remembers. */
export const migrations: readonly MigrationObject[] = [];
