import { Migration } from '@mikro-orm/migrations';

/**
 * When an actor came into the state that it is in. For those that exist the journal knows it: the first entry after the last one that
 * left them elsewhere. Adds a column and fills it in for every actor, reading back each journal to that entry; `actor` is locked
 * meanwhile.
 */
export class StateEntryMigration extends Migration {
  override up(): void {
    this.addSql('ALTER TABLE actor ADD COLUMN entered_at timestamptz NOT NULL DEFAULT db_now()');
    this.addSql(`
      UPDATE actor a SET entered_at = coalesce((
        SELECT j.at FROM journal j
         WHERE j.actor_id = a.id AND j.seq > coalesce((
           SELECT e.seq FROM journal e
            WHERE e.actor_id = a.id AND e.answer -> 'state' IS DISTINCT FROM a.snapshot -> 'value'
            ORDER BY e.seq DESC LIMIT 1), 0)
         ORDER BY j.seq LIMIT 1), a.updated_at)`);
  }
}
