/** The database that `DATABASE_URL` names can not be used; the message is for the person who starts the service. */
export class DatabaseUnreachable extends Error {
  override readonly name = 'DatabaseUnreachable';

  constructor(url: string, cause: unknown) {
    const { hostname, port, pathname } = new URL(url);
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `The database ${pathname.slice(1)} at ${hostname}:${port || '5432'} (DATABASE_URL) can not be used: ${why.split('\n')[0]}. Start it, put DATABASE_URL right, or leave it away to use the embedded one.`,
      { cause },
    );
  }
}
