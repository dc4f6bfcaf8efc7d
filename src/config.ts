import { z } from 'zod';

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Names that answer to this machine alone. */
const loopbackHosts = ['localhost', '127.0.0.1', '[::1]'];

const list = (what: string, item: RegExp) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(z.string().regex(item, `must be a comma-separated list of ${what}`)).max(64));

const wholeNumber = (low: number, high: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${low} to ${high}`)
    .transform(Number)
    .refine((value) => value >= low && value <= high, `must be a whole number from ${low} to ${high}`);

const hostName = /^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/;

/** Every setting, once. An empty variable counts as one that is not set. */
const settings = z.object({
  DATABASE_URL: z
    .string()
    .refine(isDatabaseUrl, 'must be a postgres:// address with a host and a database name')
    .optional(),
  SIGNALBOX_HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:-]{1,253}$/, 'must be a host name or address')
    .default('127.0.0.1'),
  SIGNALBOX_PORT: wholeNumber(0, 65_535).default(4410),
  SIGNALBOX_PUBLIC_URL: z
    .string()
    .refine(isOrigin, 'must be an http(s) address without path, such as https://signalbox.example.com')
    .optional(),
  SIGNALBOX_ALLOWED_HOSTS: list('host names', hostName).default([]),
  SIGNALBOX_ALLOWED_ORIGINS: list('origins such as https://example.com', /^https?:\/\/[^\s/?#@]+$/).default(
    [],
  ),
  SIGNALBOX_DATA: z.string().min(1).max(4096).default('.signalbox'),
  SIGNALBOX_HUB: z.string().min(1).max(4096).optional(),
  SIGNALBOX_LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
  SIGNALBOX_MERGE_ENGINE: z.enum(['git', 'nodegit'], 'must be git or nodegit').default('git'),
  SIGNALBOX_POOL_SIZE: wholeNumber(4, 500).default(20),
  SIGNALBOX_AGENT_LEASE_SECONDS: wholeNumber(5, 86_400).default(180),
  SIGNALBOX_GIT_CONFIG: z.string().min(1).max(4096).optional(),
  SIGNALBOX_GIT_CREDENTIALS: z
    .string()
    .transform((text) => text.trim().split(/\s+/).map(readCredential))
    // What was given is a secret: it is not repeated.
    .refine(
      (found) => found.every((one) => one !== null),
      'must be https://user:token@host, and several of them separated by spaces; special characters are percent-encoded',
    )
    .default([]),
  SIGNALBOX_INSECURE_REMOTE_HOSTS: list('host names', hostName).default([]),
});

/** Who we are to the remotes of one host, such as `https://git.example.com`. */
export interface GitCredential {
  readonly origin: string;
  readonly username: string;
  readonly password: string;
}

export interface Config {
  /** Null: the embedded server. */
  readonly databaseUrl: string | null;
  readonly poolSize: number;
  readonly host: string;
  readonly port: number;
  /** Null: the address the service listens on. */
  readonly publicUrl: string | null;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** As it was given; relative to the working folder. */
  readonly dataFolder: string;
  /** As it was given; null: in the data folder. Every service on one database has the same hub. */
  readonly hubFolder: string | null;
  readonly logLevel: (typeof logLevels)[number];
  readonly mergeEngine: 'git' | 'nodegit';
  readonly agentLeaseSeconds: number;
  /** A git config file for traffic with remotes: credential helpers, proxies. */
  readonly gitConfig: string | null;
  /** Who we are to remotes that ask for a password, by host. */
  readonly gitCredentials: readonly GitCredential[];
  /** Hosts that may be spoken to over plain http. */
  readonly insecureRemoteHosts: readonly string[];
}

/** Every fault of the environment at once; the message is for the person who has to repair it. */
export class ConfigFaults extends Error {
  override readonly name = 'ConfigFaults';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
    this.faults = faults;
  }
}

/** Reads the configuration from what is given, and from nowhere else. Throws `ConfigFaults`. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settings.safeParse(given);
  const faults = [
    ...unknownSettings(given),
    ...(parsed.error?.issues ?? []).map((issue) => `${String(issue.path[0])}: ${issue.message}`),
  ];
  if (!parsed.success || faults.length > 0) throw new ConfigFaults([...new Set(faults)]);
  const found = parsed.data;
  const publicHost =
    found.SIGNALBOX_PUBLIC_URL === undefined ? [] : [new URL(found.SIGNALBOX_PUBLIC_URL).hostname];
  return deepFreeze({
    databaseUrl: found.DATABASE_URL ?? null,
    poolSize: found.SIGNALBOX_POOL_SIZE,
    host: found.SIGNALBOX_HOST,
    port: found.SIGNALBOX_PORT,
    publicUrl: found.SIGNALBOX_PUBLIC_URL?.replace(/\/$/, '') ?? null,
    allowedHosts: [
      ...new Set([
        ...loopbackHosts,
        ...ownHost(found.SIGNALBOX_HOST),
        ...publicHost,
        ...found.SIGNALBOX_ALLOWED_HOSTS,
      ]),
    ],
    allowedOrigins: found.SIGNALBOX_ALLOWED_ORIGINS,
    dataFolder: found.SIGNALBOX_DATA,
    hubFolder: found.SIGNALBOX_HUB ?? null,
    logLevel: found.SIGNALBOX_LOG_LEVEL,
    mergeEngine: found.SIGNALBOX_MERGE_ENGINE,
    agentLeaseSeconds: found.SIGNALBOX_AGENT_LEASE_SECONDS,
    gitConfig: found.SIGNALBOX_GIT_CONFIG ?? null,
    gitCredentials: found.SIGNALBOX_GIT_CREDENTIALS.filter((one) => one !== null),
    insecureRemoteHosts: found.SIGNALBOX_INSECURE_REMOTE_HOSTS,
  });
}

/** What a Host header says to reach the address we listen on. All addresses together have no name. */
function ownHost(host: string): string[] {
  if (host === '0.0.0.0' || /^[0:]+$/.test(host)) return [];
  const url = URL.parse(`http://${host.includes(':') ? `[${host}]` : host}`);
  return url === null ? [] : [url.hostname];
}

/** A misspelled name would otherwise be a setting that silently does nothing. */
function unknownSettings(given: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(given)
    .filter(
      (name) =>
        name.startsWith('SIGNALBOX_') &&
        name !== 'SIGNALBOX_TEST_DATABASE_URL' &&
        !Object.hasOwn(settings.shape, name),
    )
    .map((name) => `${name}: is not a setting; there are ${Object.keys(settings.shape).join(', ')}`);
}

function isDatabaseUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    ['postgres:', 'postgresql:'].includes(url.protocol) &&
    url.hostname !== '' &&
    url.pathname.length > 1
  );
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  return (
    url.username === '' && url.password === '' && url.search === '' && url.hash === '' && url.pathname === '/'
  );
}

/**
 * Reads `https://user:token@host`. Null for anything else: another scheme, a path, no user or no token, or a line break in one of
 * them, which would be another answer to git.
 */
function readCredential(text: string): GitCredential | null {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return null;
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return null;
  try {
    const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    const isWhole = username !== '' && password !== '' && !/[\0\r\n]/.test(username + password);
    return isWhole ? { origin: url.origin, username, password } : null;
  } catch {
    return null;
  }
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
