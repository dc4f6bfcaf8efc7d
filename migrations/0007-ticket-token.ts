import { Migration } from '@mikro-orm/migrations';

/** Whose an inspect ticket is: what it opened ends with that token. Locks a table whose rows live for a minute, and drops those. */
export class TicketTokenMigration extends Migration {
  override up(): void {
    this.addSql('DELETE FROM inspect_ticket');
    this.addSql('ALTER TABLE inspect_ticket ADD COLUMN token_id uuid NOT NULL');
  }
}
