import { Migration } from '@mikro-orm/migrations';

/**
 * A lease is over when the sweeper has said so in its row, not when a clock has passed a time: everybody who asks (a heartbeat, a
 * push, a submit) then gets one answer, also in the moment between. Adds a column with a constant default: no rewrite.
 */
export class LeaseExpiredMigration extends Migration {
  override up(): void {
    this.addSql('ALTER TABLE lease ADD COLUMN expired boolean NOT NULL DEFAULT false');
  }
}
