import { Migration } from '@mikro-orm/migrations';

/**
 * When the remote of a project was fetched last, and when somebody last began to. Of those that exist it is known that they were
 * cloned when they were added. Adds two columns and fills them in; `project`, which is small, is locked meanwhile.
 */
export class ProjectFetchesMigration extends Migration {
  override up(): void {
    this.addSql(`
      ALTER TABLE project
        ADD COLUMN fetched_at timestamptz NOT NULL DEFAULT db_now(),
        ADD COLUMN fetch_begun_at timestamptz NOT NULL DEFAULT db_now()`);
    this.addSql('UPDATE project SET fetched_at = created_at, fetch_begun_at = created_at');
  }
}
