import { Migration } from '@mikro-orm/migrations';

/**
 * Conflicts of phases and initiatives have merge tasks too, and a branch waits for a merge that was outrun too often. Adds columns
 * and a table; every merge task that exists resolves the conflict of a task.
 */
export class ConflictsMigration extends Migration {
  override up(): void {
    this.addSql(
      `ALTER TABLE task ADD COLUMN conflict_of text CHECK (conflict_of IN ('task', 'phase', 'initiative'))`,
    );
    this.addSql(`UPDATE task SET conflict_of = 'task' WHERE resolves IS NOT NULL`);
    this.addSql('ALTER TABLE attempt ADD COLUMN outruns int NOT NULL DEFAULT 0');
    // What else would be landed on the branch waits, as long as the lease or the landing of the task lives, and not for ever.
    this.addSql(`
      CREATE TABLE lane_hold (
        task_id uuid PRIMARY KEY,
        lease_id uuid NOT NULL,
        ref text NOT NULL,
        project_ids text[] NOT NULL,
        since timestamptz NOT NULL DEFAULT db_now(),
        until timestamptz NOT NULL
      )`);
  }
}
