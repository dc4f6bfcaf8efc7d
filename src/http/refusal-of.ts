import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { Refusal, type RefusalCode } from '../errors.ts';

/** What Fastify itself refuses, in our words. */
const FASTIFY: Readonly<Record<string, readonly [RefusalCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'body_too_large',
    'the body is over the limit of this service; send less at once',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_media_type',
    'send application/json; plans may also come as application/yaml',
  ],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid_json', 'the body is not valid JSON'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_json', 'the content type says JSON, but there is no body'],
};

/**
 * SQLSTATE classes that say "not now": connection lost, resources exhausted (a full disk among them), server going down or
 * starting, and a transaction that lost to another one.
 */
const OUTAGE_CLASSES = ['08', '53', '57', '58', '40'];
const OUTAGE_CODES = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'ENOSPC'];

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** A database that is down, restarting or full. The driver gives some lost connections no code but this sentence. */
export function isOutage(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== null && OUTAGE_CODES.includes(code)) return true;
  if (code !== null && /^[0-9A-Z]{5}$/.test(code) && OUTAGE_CLASSES.includes(code.slice(0, 2))) return true;
  if (error instanceof AggregateError) return error.errors.some(isOutage);
  return (
    error instanceof Error &&
    /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/.test(
      error.message,
    )
  );
}

interface Fault {
  readonly path: string;
  readonly message: string;
}

function faultsOf(error: Error): Fault[] {
  if (!hasZodFastifySchemaValidationErrors(error)) return [];
  return error.validation.slice(0, 100).map((fault) => ({
    path: fault.instancePath === '' ? '/' : fault.instancePath,
    message: fault.message ?? 'is not valid',
  }));
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500;
}

/** Turns anything thrown into the refusal that the caller sees; what nobody expected becomes `internal_error` with the cause. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const known = FASTIFY[codeOf(error) ?? ''];
  if (known !== undefined) return new Refusal(known[0], known[1], { cause: error });
  if (error instanceof Error && codeOf(error) === 'FST_ERR_VALIDATION') {
    const faults = faultsOf(error);
    const first = faults[0];
    const where = 'validationContext' in error ? String(error.validationContext) : 'request';
    const what = first === undefined ? error.message : `${first.path} ${first.message}`;
    return new Refusal('invalid_request', `${where}: ${what}`, {
      details: { in: where, faults },
      cause: error,
    });
  }
  if (isOutage(error)) {
    return new Refusal('unavailable', 'a part this needs can not be reached at the moment; try again', {
      cause: error,
    });
  }
  const status = statusOf(error);
  if (error instanceof Error && status >= 400 && status < 500) {
    return new Refusal('invalid_request', error.message, { cause: error });
  }
  return new Refusal(
    'internal_error',
    'something unexpected went wrong; the log has it under this request id',
    {
      cause: error,
    },
  );
}
