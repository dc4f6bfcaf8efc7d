/**
 * SQLSTATE classes that say nothing about the rows: connection (08), rollback such as a deadlock (40), read-only after a
 * failover (25), resources such as a full disk (53), lock not available (55), shutdown and canceled (57), system (58). The same statement may pass later.
 */
const TRANSIENT: readonly string[] = ['08', '25', '40', '53', '55', '57', '58'];

interface SqlFault {
  readonly code: string;
  readonly constraint?: string;
  readonly detail?: string;
  readonly message: string;
}

/** The fault when PostgreSQL itself said that these rows can not be written; null when it is unknown what became of them. */
export function faultOfRows(thrown: unknown): SqlFault | null {
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return null;
  // Node's own codes (EPIPE) can look like a SQLSTATE; only the server states a severity.
  if (!('severity' in thrown) || TRANSIENT.includes(thrown.code.slice(0, 2))) return null;
  return thrown as unknown as SqlFault;
}
