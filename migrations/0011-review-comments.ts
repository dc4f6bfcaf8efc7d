import { Migration } from '@mikro-orm/migrations';

/**
 * Comments of reviewers become threads with a place, a state and replies. What there was is taken over: its lines were of the heads
 * of its round, and are pinned to no commit. `review_comment` is dropped; nobody writes to it while the migration runs.
 */
export class ReviewCommentsMigration extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE review_thread (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        unit_id uuid NOT NULL,
        initiative_id uuid NOT NULL,
        round int NOT NULL,
        digest text,
        place int NOT NULL DEFAULT 0,
        project text NOT NULL,
        side text NOT NULL CHECK (side IN ('old', 'new')),
        file text NOT NULL,
        start_line int NOT NULL,
        line int NOT NULL,
        commit_oid text,
        blob_oid text,
        excerpt jsonb NOT NULL DEFAULT '[]',
        text text NOT NULL,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'addressed', 'dismissed')),
        requested_round int,
        author text,
        created_at timestamptz NOT NULL DEFAULT db_now()
      )`);
    this.addSql('CREATE INDEX review_thread_unit ON review_thread (unit_id, created_at)');
    // An attempt answers a comment once; handed in again, its answer is replaced.
    this.addSql(`
      CREATE TABLE review_reply (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        thread_id uuid NOT NULL,
        lease_id uuid,
        kind text NOT NULL CHECK (kind IN ('reply', 'fixed', 'pushed_back', 'opened', 'addressed', 'dismissed')),
        text text NOT NULL,
        author text,
        created_at timestamptz NOT NULL DEFAULT db_now()
      )`);
    this.addSql('CREATE INDEX review_reply_thread ON review_reply (thread_id, created_at)');
    this.addSql(
      'CREATE UNIQUE INDEX review_reply_attempt ON review_reply (thread_id, lease_id) WHERE lease_id IS NOT NULL',
    );
    // Where the lines of a comment are in heads that were served later; computed once, because neither ever changes.
    this.addSql(`
      CREATE TABLE review_place (
        thread_id uuid NOT NULL,
        digest text NOT NULL,
        file text NOT NULL,
        start_line int NOT NULL,
        line int NOT NULL,
        outdated boolean NOT NULL,
        PRIMARY KEY (thread_id, digest)
      )`);
    this.addSql(`
      INSERT INTO review_thread (unit_id, initiative_id, round, place, project, side, file, start_line, line, text, requested_round)
      SELECT c.unit_id, coalesce(p.initiative_id, c.unit_id), c.round, c.place, c.project, 'new', c.file, c.line, c.line, c.text, c.round
        FROM review_comment c LEFT JOIN phase p ON p.id = c.unit_id`);
    this.addSql('DROP TABLE review_comment');
  }
}
