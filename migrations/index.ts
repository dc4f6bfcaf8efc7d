import type { MigrationObject } from '@mikro-orm/core';
import { ActorsMigration } from './0001-actors.ts';
import { LandingMigration } from './0002-landing.ts';
import { DomainMigration } from './0003-domain.ts';
import { AccessMigration } from './0004-access.ts';
import { HubIdMigration } from './0005-hub-id.ts';
import { AttemptEndMigration } from './0006-attempt-end.ts';
import { TicketTokenMigration } from './0007-ticket-token.ts';
import { LeaseExpiredMigration } from './0008-lease-expired.ts';
import { RequestAgeMigration } from './0009-request-age.ts';
import { ConflictsMigration } from './0010-conflicts.ts';
import { ReviewCommentsMigration } from './0011-review-comments.ts';
import { RegainedLeasesMigration } from './0012-regained-leases.ts';
import { StateEntryMigration } from './0013-state-entry.ts';
import { ProjectFetchesMigration } from './0014-project-fetches.ts';

/** Append-only and in order: a released migration is never edited, and its name is what the database remembers. */
export const migrations: readonly MigrationObject[] = [
  { name: '0001-actors', class: ActorsMigration },
  { name: '0002-landing', class: LandingMigration },
  { name: '0003-domain', class: DomainMigration },
  { name: '0004-access', class: AccessMigration },
  { name: '0005-hub-id', class: HubIdMigration },
  { name: '0006-attempt-end', class: AttemptEndMigration },
  { name: '0007-ticket-token', class: TicketTokenMigration },
  { name: '0008-lease-expired', class: LeaseExpiredMigration },
  { name: '0009-request-age', class: RequestAgeMigration },
  { name: '0010-conflicts', class: ConflictsMigration },
  { name: '0011-review-comments', class: ReviewCommentsMigration },
  { name: '0012-regained-leases', class: RegainedLeasesMigration },
  { name: '0013-state-entry', class: StateEntryMigration },
  { name: '0014-project-fetches', class: ProjectFetchesMigration },
];
