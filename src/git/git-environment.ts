import { devNull } from 'node:os';
import { credentialEnvironment, isAt, type RemoteCredential } from './remote-credential.ts';

export interface EnvironmentOptions {
  /** A git config file of the operator's for traffic with remotes (credential helper, proxy, safe.directory); none by default. */
  remoteConfig?: string | undefined;
  /** Who we are to remotes; tried after the helpers of that file. */
  remoteCredentials?: readonly RemoteCredential[];
}

/** The only schemes git may speak, whatever a URL, a redirect or a submodule says. */
const allowedProtocols = 'file:http:https:ssh';

/** Taken over from our own environment: where programs are, where temp files go, and who we are to ssh. */
const inherited = [
  'PATH',
  'HOME',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'USER',
  'LOGNAME',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
];

/**
 * The whole environment of a git child. Nothing of the caller's git set-up reaches it: an alias, a hook path, a replace ref or a
 * pager of whoever started the service would change what a landing means. Messages are in English because some are parsed.
 */
export function gitEnvironment(
  options: EnvironmentOptions & { remote?: string | undefined },
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return {
    ...environment,
    LANG: 'C',
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: options.remote === undefined ? devNull : (options.remoteConfig ?? devNull),
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_ALLOW_PROTOCOL: allowedProtocols,
    // A remote that wants a password must fail at once, never wait for a person who is not there.
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    SSH_ASKPASS_REQUIRE: 'never',
    GCM_INTERACTIVE: 'never',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=15',
    ...forRemote(options.remote ?? '', options.remoteCredentials ?? []),
    ...extra,
  };
}

/** A remote on this machine runs its hooks in the same environment, so no git has a password but the one that may need it. */
function forRemote(remote: string, known: readonly RemoteCredential[]): Record<string, string> {
  const credentials = known.filter(({ origin }) => isAt(remote, origin));
  if (credentials.length === 0) return {};
  const { config, variables } = credentialEnvironment(credentials);
  return { ...configEnvironment(config), ...variables };
}

/** Configuration for one command, passed by environment so that no value can be taken for an option. */
export function configEnvironment(
  entries: readonly (readonly [key: string, value: string])[],
): Record<string, string> {
  const environment: Record<string, string> = { GIT_CONFIG_COUNT: String(entries.length) };
  entries.forEach(([key, value], index) => {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return environment;
}
