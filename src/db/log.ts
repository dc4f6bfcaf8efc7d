/** What the database parts tell the process's log; pino's own shape, so that a pino logger fits as it is. */
export interface DatabaseLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLog: DatabaseLog = { info() {}, warn() {}, error() {} };
