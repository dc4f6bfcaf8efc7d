import { Migration } from '@mikro-orm/migrations';

/**
 * The tables of the actor runtime. New tables only: locks nothing that exists.
 *
 * No foreign keys and no index on a column that changes in `actor` and `journal`: both would cost every turn. What is
 * waited for (timers, messages, effects) are rows inserted and deleted.
 */
export const actorsUp = `
CREATE FUNCTION db_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT statement_timestamp()';
COMMENT ON FUNCTION db_now() IS 'The only clock of leases and timers; test databases replace it to shift time.';

CREATE TABLE actor (
  id uuid PRIMARY KEY,
  machine text NOT NULL,
  machine_version integer NOT NULL,
  version bigint NOT NULL,
  status text NOT NULL,
  root_id uuid NOT NULL,
  parent_id uuid,
  snapshot jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT db_now()
) WITH (fillfactor = 70);
CREATE INDEX actor_by_root ON actor (root_id);

CREATE TABLE journal (
  actor_id uuid NOT NULL,
  seq bigint NOT NULL,
  event_id uuid NOT NULL,
  root_id uuid NOT NULL,
  machine text NOT NULL,
  type text NOT NULL,
  event jsonb NOT NULL,
  sender text NOT NULL,
  principal text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('accepted', 'rejected', 'ignored')),
  answer jsonb NOT NULL,
  effect_id uuid,
  origin jsonb,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at timestamptz NOT NULL DEFAULT db_now(),
  PRIMARY KEY (actor_id, seq),
  CONSTRAINT journal_event_once UNIQUE (actor_id, event_id)
);
COMMENT ON COLUMN journal.origin IS 'The row an internal event consumed; a fold needs it to know what the actor no longer waits for.';
CREATE INDEX journal_in_order ON journal (xid, actor_id, seq);
CREATE INDEX journal_of_root ON journal (root_id, xid, actor_id, seq);

CREATE TABLE effect (
  id uuid PRIMARY KEY,
  actor_id uuid NOT NULL,
  root_id uuid NOT NULL,
  invoke_id text NOT NULL,
  kind text NOT NULL,
  input jsonb NOT NULL,
  state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running')),
  attempt integer NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  last_error jsonb,
  run_at timestamptz NOT NULL DEFAULT db_now(),
  lease_until timestamptz,
  instance_id text,
  created_at timestamptz NOT NULL DEFAULT db_now()
) WITH (fillfactor = 70);
COMMENT ON COLUMN effect.attempt IS 'The fencing token: grows with every claim and is never given twice.';
COMMENT ON COLUMN effect.failures IS 'Runs that crashed, timed out or threw; what the cap counts.';
CREATE INDEX effect_ready ON effect (kind, run_at) WHERE state = 'ready';
CREATE INDEX effect_running ON effect (kind, lease_until) WHERE state = 'running';
CREATE INDEX effect_of_actor ON effect (actor_id);

CREATE TABLE timer (
  actor_id uuid NOT NULL,
  timer_id text NOT NULL,
  armed_seq bigint NOT NULL,
  root_id uuid NOT NULL,
  event jsonb NOT NULL,
  due_at timestamptz NOT NULL,
  PRIMARY KEY (actor_id, timer_id, armed_seq)
);
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE message (
  id uuid PRIMARY KEY,
  from_id uuid NOT NULL,
  to_id uuid NOT NULL,
  seq bigint NOT NULL,
  place integer NOT NULL,
  root_id uuid NOT NULL,
  event jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT db_now()
);
COMMENT ON COLUMN message.seq IS 'The turn of the sender; (seq, place) is the order of delivery between two actors.';
CREATE UNIQUE INDEX message_in_order ON message (to_id, from_id, seq, place);
CREATE INDEX message_waiting ON message (created_at);

CREATE TABLE dead_letter (
  id uuid PRIMARY KEY,
  from_id uuid NOT NULL,
  to_id uuid NOT NULL,
  root_id uuid NOT NULL,
  event jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  buried_at timestamptz NOT NULL DEFAULT db_now()
);

CREATE TABLE actor_quarantine (
  id uuid PRIMARY KEY,
  actor_id uuid NOT NULL,
  root_id uuid NOT NULL,
  reason text NOT NULL,
  input jsonb,
  at timestamptz NOT NULL DEFAULT db_now()
);
COMMENT ON COLUMN actor_quarantine.input IS 'The internal event that was rejected, to be applied again by a replay; null when nothing was consumed.';
CREATE INDEX actor_quarantine_of ON actor_quarantine (actor_id);

CREATE TABLE actor_heartbeat (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  beat_at timestamptz NOT NULL,
  outage_ended_at timestamptz
);
COMMENT ON TABLE actor_heartbeat IS 'Written every two seconds by whoever runs; no lease expires while it is stale.';
`;

export class ActorsMigration extends Migration {
  override up(): void {
    this.addSql(actorsUp);
  }
}
