import { Migration } from '@mikro-orm/migrations';

/** How often the lease of an attempt was given back to its agent: each of its ends is an event of its own. Adds a column. */
export class RegainedLeasesMigration extends Migration {
  override up(): void {
    this.addSql('ALTER TABLE attempt ADD COLUMN regains int NOT NULL DEFAULT 0');
  }
}
