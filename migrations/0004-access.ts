import { Migration } from '@mikro-orm/migrations';

/** Tokens, answered requests and inspect tickets. New tables only: locks nothing that is in use. */
export class AccessMigration extends Migration {
  override up(): void {
    // A revoked token keeps its row, so that the journal's `token:<id>` can still be given a name.
    this.addSql(`
      CREATE TABLE access_token (
        id uuid PRIMARY KEY,
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
        scope text NOT NULL CHECK (scope IN ('admin', 'operator', 'reviewer', 'agent', 'viewer')),
        hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
        created_at timestamptz NOT NULL DEFAULT db_now(),
        last_used_at timestamptz,
        revoked_at timestamptz
      )`);

    // The primary key is what makes two requests with one key wait for each other.
    this.addSql(`
      CREATE TABLE answered_request (
        token_id uuid NOT NULL,
        key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
        route text NOT NULL,
        body_hash text NOT NULL CHECK (length(body_hash) = 64),
        answer jsonb,
        created_at timestamptz NOT NULL DEFAULT db_now(),
        PRIMARY KEY (token_id, key)
      )`);

    this.addSql(`
      CREATE TABLE inspect_ticket (
        hash bytea PRIMARY KEY CHECK (length(hash) = 32),
        initiative_id uuid NOT NULL,
        expires_at timestamptz NOT NULL
      )`);
  }
}
