import { Migration } from '@mikro-orm/migrations';

/** Which hub this database belongs to. A new table of one row: locks nothing that is in use. */
export class HubIdMigration extends Migration {
  override up(): void {
    // Not bound yet: a first start that ended on its way, and no service has ever worked with that hub.
    this.addSql(`
      CREATE TABLE hub_id (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        id uuid NOT NULL,
        bound_at timestamptz
      )`);
  }
}
