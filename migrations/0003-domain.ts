import { Migration } from '@mikro-orm/migrations';

/**
 * Projects, what a plan consists of, and what agents hold. New tables only: locks nothing that is in use. Initiatives, phases and
 * tasks have the id of their actor; no foreign key points at the actor table, which is written too often for the checks.
 */
export class DomainMigration extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE project (
        id uuid PRIMARY KEY,
        key text NOT NULL UNIQUE,
        remote text NOT NULL,
        default_branch text NOT NULL,
        checked_out boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT db_now()
      )`);

    this.addSql(`
      CREATE TABLE initiative (
        id uuid PRIMARY KEY,
        key text NOT NULL UNIQUE,
        title text NOT NULL,
        description text NOT NULL DEFAULT '',
        mode text NOT NULL CHECK (mode IN ('yolo', 'review_per_phase')),
        paused boolean NOT NULL DEFAULT false,
        task_limit int NOT NULL CHECK (task_limit > 0),
        created_at timestamptz NOT NULL DEFAULT db_now()
      )`);

    this.addSql(`
      CREATE TABLE initiative_project (
        initiative_id uuid NOT NULL REFERENCES initiative,
        project_id uuid NOT NULL REFERENCES project,
        strategy text NOT NULL CHECK (strategy IN ('push_branch', 'merge_and_push')),
        PRIMARY KEY (initiative_id, project_id)
      )`);

    this.addSql(`
      CREATE TABLE phase (
        id uuid PRIMARY KEY,
        initiative_id uuid NOT NULL REFERENCES initiative,
        ordinal int NOT NULL,
        key text NOT NULL,
        title text NOT NULL,
        description text NOT NULL DEFAULT '',
        depends_on int[] NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT db_now(),
        UNIQUE (initiative_id, ordinal),
        UNIQUE (initiative_id, key)
      )`);

    // No foreign key to phase: a phase and its first task may be rows of one statement.
    this.addSql(`
      CREATE TABLE task (
        id uuid PRIMARY KEY,
        phase_id uuid NOT NULL,
        initiative_id uuid NOT NULL REFERENCES initiative,
        ordinal int NOT NULL,
        key text NOT NULL,
        title text NOT NULL,
        description text NOT NULL DEFAULT '',
        category text NOT NULL CHECK (category IN ('execute', 'review', 'merge')),
        priority int NOT NULL,
        needs_review boolean NOT NULL,
        capabilities text[] NOT NULL DEFAULT '{}',
        projects text[],
        depends_on int[] NOT NULL DEFAULT '{}',
        resolves int,
        round int,
        created_at timestamptz NOT NULL DEFAULT db_now(),
        UNIQUE (phase_id, ordinal),
        UNIQUE (phase_id, key)
      )`);
    this.addSql('CREATE INDEX task_initiative ON task (initiative_id)');

    // The newest title of a unit that was renamed; one table, because one row writer serves three machines.
    this.addSql('CREATE TABLE renamed (unit_id uuid PRIMARY KEY, title text NOT NULL)');

    this.addSql(`
      CREATE TABLE agent (
        id uuid PRIMARY KEY,
        token_id uuid NOT NULL,
        name text NOT NULL,
        capabilities text[] NOT NULL DEFAULT '{}',
        last_seen_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT db_now(),
        UNIQUE (token_id, name)
      )`);

    this.addSql(`
      CREATE TABLE ready_task (
        task_id uuid PRIMARY KEY,
        initiative_id uuid NOT NULL,
        phase_id uuid NOT NULL,
        priority int NOT NULL,
        attempt int NOT NULL,
        ready_at timestamptz NOT NULL DEFAULT db_now(),
        reserved_until timestamptz,
        reserved_by uuid
      )`);

    // One row per attempt under way. Heartbeats move expires_at, so it is in no index: the table is small.
    this.addSql(`
      CREATE TABLE lease (
        task_id uuid PRIMARY KEY,
        lease_id uuid NOT NULL UNIQUE,
        agent_id uuid NOT NULL,
        initiative_id uuid NOT NULL,
        attempt int NOT NULL,
        seconds int NOT NULL,
        expires_at timestamptz NOT NULL
      ) WITH (fillfactor = 70)`);

    // Written before the claim is made, kept after the lease is over: late pushes are recognized by it.
    this.addSql(`
      CREATE TABLE attempt (
        lease_id uuid PRIMARY KEY,
        task_id uuid NOT NULL,
        number int NOT NULL,
        agent_id uuid NOT NULL,
        initiative_id uuid NOT NULL,
        secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
        branch text NOT NULL,
        start jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT db_now()
      )`);
    this.addSql('CREATE INDEX attempt_task ON attempt (task_id, number)');

    this.addSql(`
      CREATE TABLE submission (
        task_id uuid NOT NULL,
        digest text NOT NULL,
        lease_id uuid NOT NULL,
        branch text NOT NULL,
        heads jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT db_now(),
        PRIMARY KEY (task_id, digest)
      )`);

    this.addSql(`
      CREATE TABLE review (
        unit_id uuid NOT NULL,
        digest text NOT NULL,
        round int NOT NULL,
        heads jsonb NOT NULL,
        base jsonb NOT NULL,
        opened_at timestamptz NOT NULL DEFAULT db_now(),
        PRIMARY KEY (unit_id, digest)
      )`);

    this.addSql(`
      CREATE TABLE review_comment (
        unit_id uuid NOT NULL,
        round int NOT NULL,
        place int NOT NULL,
        project text NOT NULL,
        file text NOT NULL,
        line int NOT NULL,
        text text NOT NULL,
        PRIMARY KEY (unit_id, round, place)
      )`);

    // The conflict that a landing met last, in git's own words.
    this.addSql(`
      CREATE TABLE unit_conflict (
        unit_id uuid PRIMARY KEY,
        effect_id uuid NOT NULL,
        projects jsonb NOT NULL,
        found_at timestamptz NOT NULL DEFAULT db_now()
      )`);

    this.addSql(`
      CREATE TABLE progress (
        lease_id uuid PRIMARY KEY,
        task_id uuid NOT NULL,
        message text NOT NULL,
        percent int,
        at timestamptz NOT NULL DEFAULT db_now()
      )`);
  }
}
