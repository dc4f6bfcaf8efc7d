import { Migration } from '@mikro-orm/migrations';

/**
 * When the lease of an attempt was over: its credential does not live for ever. The trigger sees every way a lease ends, in the
 * statement that ends it. Adds an empty column and locks `attempt` and `lease` for a moment.
 */
export class AttemptEndMigration extends Migration {
  override up(): void {
    this.addSql('ALTER TABLE attempt ADD COLUMN ended_at timestamptz');
    // Nobody knows any more when these ended; they get the whole term from now.
    this.addSql(`
      UPDATE attempt a SET ended_at = db_now()
       WHERE NOT EXISTS (SELECT 1 FROM lease l WHERE l.lease_id = a.lease_id)`);
    this.addSql(`
      CREATE FUNCTION note_attempt_end() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE attempt SET ended_at = db_now() WHERE lease_id = OLD.lease_id;
        RETURN NULL;
      END $$`);
    this.addSql(`
      CREATE TRIGGER lease_removed AFTER DELETE ON lease FOR EACH ROW EXECUTE FUNCTION note_attempt_end()`);
    this.addSql(`
      CREATE TRIGGER lease_replaced AFTER UPDATE OF lease_id ON lease FOR EACH ROW
        WHEN (OLD.lease_id <> NEW.lease_id) EXECUTE FUNCTION note_attempt_end()`);
  }
}
