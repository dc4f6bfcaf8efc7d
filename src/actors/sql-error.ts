/**
 * SQLSTATE classes that say nothing about the rows: connection (08), rollback such as a deadlock (40), read-only after a
 * failover (25), resources such as a full disk (53), lock not available (55), shutdown and canceled (57), system (58). The same statement may pass later.
 */
const TRANSIENT: readonly string[] = ['08', '25', '40', '53', '55', '57', '58'];

/** Among them, those in which the server says that it can not write now: read-only, no room, a file that fails. */
const UNWRITABLE: readonly string[] = ['25', '53', '58'];

interface SqlFault {
  readonly code: string;
  readonly constraint?: string;
  readonly detail?: string;
  readonly message: string;
}

/** The fault when PostgreSQL itself said that these rows can not be written; null when it is unknown what became of them. */
export function faultOfRows(thrown: unknown): SqlFault | null {
  const fault = faultOfServer(thrown);
  return fault === null || TRANSIENT.includes(classOf(fault)) ? null : fault;
}

/** The fault when the server said that it can not write at all for now. */
export function inabilityToWrite(thrown: unknown): SqlFault | null {
  const fault = faultOfServer(thrown);
  return fault !== null && UNWRITABLE.includes(classOf(fault)) ? fault : null;
}

function faultOfServer(thrown: unknown): SqlFault | null {
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return null;
  // Node's own codes (EPIPE) can look like a SQLSTATE; only the server states a severity.
  return 'severity' in thrown ? (thrown as unknown as SqlFault) : null;
}

function classOf({ code }: SqlFault): string {
  return code.slice(0, 2);
}
