import { Migration } from '@mikro-orm/migrations';

/**
 * Answered requests are forgotten by age. The index is made in the migration's transaction: writers of the table wait for it, readers
 * do not.
 */
export class RequestAgeMigration extends Migration {
  override up(): void {
    this.addSql('CREATE INDEX answered_request_age ON answered_request (created_at)');
  }
}
