import { Migration } from '@mikro-orm/migrations';

/**
 * Landings and deliveries: who is in which lane, what was prepared, which refs are owned, what has arrived. No foreign keys: these
 * rows outlive and precede rows of the runtime. New tables only; locks nothing that is in use.
 */
const up = [
  `CREATE SEQUENCE landing_ticket`,
  // One landing effect: its claim (attempt, fence, lease) and what the crash rule needs when another process finishes it.
  `CREATE TABLE landing (
    effect_id uuid PRIMARY KEY,
    attempt integer NOT NULL,
    fence bigint NOT NULL,
    unit jsonb NOT NULL,
    author jsonb NOT NULL,
    lease_until timestamptz NOT NULL,
    opened_by text,
    settled_by text
  ) WITH (fillfactor = 70)`,
  // A place in the queue of one target; one ticket per landing in all its lanes, so that landings can not wait in a circle.
  `CREATE TABLE landing_lane (
    project_id text NOT NULL,
    ref text NOT NULL,
    effect_id uuid NOT NULL,
    ticket bigint NOT NULL,
    PRIMARY KEY (project_id, ref, effect_id)
  )`,
  `CREATE INDEX landing_lane_effect ON landing_lane (effect_id)`,
  `CREATE TABLE landing_intent (
    effect_id uuid NOT NULL,
    project_id text NOT NULL,
    ref text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('merge', 'fast_forward')),
    source text,
    result text NOT NULL CHECK (result IN ('merged', 'already', 'empty', 'fast_forwarded')),
    before_oid text NOT NULL,
    after_oid text NOT NULL,
    state text NOT NULL CHECK (state IN ('prepared', 'open', 'closed', 'aborted', 'none')),
    outcome text CHECK (outcome IN ('done', 'undone')),
    PRIMARY KEY (effect_id, project_id)
  )`,
  // An open intent owns its ref: there can be one.
  `CREATE UNIQUE INDEX landing_intent_owner ON landing_intent (project_id, ref) WHERE state = 'open'`,
  `CREATE TABLE delivery_record (
    effect_id uuid NOT NULL,
    project_id text NOT NULL,
    attempt integer NOT NULL,
    position integer NOT NULL,
    record jsonb NOT NULL,
    PRIMARY KEY (effect_id, project_id)
  )`,
] as const;

const down = ['delivery_record', 'landing_intent', 'landing_lane', 'landing'] as const;

export class LandingMigration extends Migration {
  override up(): void {
    for (const statement of up) this.addSql(statement);
  }

  override down(): void {
    for (const table of down) this.addSql(`DROP TABLE ${table}`);
    this.addSql('DROP SEQUENCE landing_ticket');
  }
}
