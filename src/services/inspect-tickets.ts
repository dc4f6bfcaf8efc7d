import { randomBytes } from 'node:crypto';
import type { SqlPool } from '../actors/sql.ts';
import { Refusal } from '../errors.ts';
import { hashSecret } from './tokens.ts';

/** How long a ticket may be redeemed. It stands in an address, so it is short-lived and good for one use. */
export const TICKET_SECONDS = 60;

/**
 * One-time tickets that open the inspector's stream of one initiative: a WebSocket of a browser, or of the inspector package,
 * can send no Authorization header. In the database, so that any replica can redeem what another one gave out.
 */
export class InspectTickets {
  readonly #sql: SqlPool;

  constructor(sql: SqlPool) {
    this.#sql = sql;
  }

  /** The ticket is good for as long as its token is. */
  async issue(initiativeId: string, tokenId: string): Promise<{ ticket: string; expiresAt: Date }> {
    const ticket = randomBytes(32).toString('base64url');
    await this.#sql.query('DELETE FROM inspect_ticket WHERE expires_at <= db_now()');
    const made = await this.#sql.query<{ expires_at: Date }>(
      `INSERT INTO inspect_ticket (hash, initiative_id, token_id, expires_at)
       VALUES ($1, $2, $3, db_now() + $4 * interval '1 second') RETURNING expires_at`,
      [hashSecret(ticket), initiativeId, tokenId, TICKET_SECONDS],
    );
    const expiresAt = made.rows[0]?.expires_at;
    if (expiresAt === undefined) throw new Error('the new ticket was not returned');
    return { ticket, expiresAt };
  }

  /**
   * What the ticket opens, and whose it is. Two that redeem it at once: the row goes to one of them. A ticket whose token is not in
   * force any more opens nothing. Refuses with `invalid_ticket`.
   */
  async redeem(ticket: string): Promise<{ initiativeId: string; tokenId: string }> {
    const taken = await this.#sql.query<{ initiative_id: string; token_id: string; is_good: boolean }>(
      `DELETE FROM inspect_ticket WHERE hash = $1
       RETURNING initiative_id, token_id, expires_at > db_now() AND EXISTS (
         SELECT FROM access_token t WHERE t.id = inspect_ticket.token_id AND t.revoked_at IS NULL) AS is_good`,
      [hashSecret(ticket)],
    );
    const row = taken.rows[0];
    if (row === undefined || !row.is_good) {
      throw new Refusal(
        'invalid_ticket',
        'the ticket is unknown, used or over, or its token was revoked; ask for a new one',
      );
    }
    return { initiativeId: row.initiative_id, tokenId: row.token_id };
  }
}
