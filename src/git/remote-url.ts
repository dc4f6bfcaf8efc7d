import { isAbsolute, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GitError } from './git-error.ts';

export interface RemoteUrlPolicy {
  /** Hosts, besides loopback, that may be reached over plain http. */
  insecureHosts?: readonly string[];
}

export interface RemoteUrl {
  kind: 'https' | 'http' | 'ssh' | 'path';
  /** What git is given. */
  url: string;
  /** Only for `path`: where it is on this machine. */
  path?: string;
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);
const maxLength = 2_000;
/** user@host:path, as ssh remotes are most often written. The user name is part of the address there, not a secret. */
const scpForm =
  /^(?<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@(?<host>[A-Za-z0-9_][A-Za-z0-9._-]*):(?<path>[^-:][^:]*)$/;

/**
 * Reads a remote's address. Only these forms reach git: https, http to loopback, ssh, user@host:path, file:// and an absolute path.
 * Everything else git would accept is a way to run a program (`ext::`, `fd::`, `--upload-pack=`) or depends on where we stand.
 */
export function parseRemoteUrl(text: string, policy: RemoteUrlPolicy = {}): RemoteUrl {
  if (text === '' || text.length > maxLength || hasControlCharacter(text))
    throw invalid('it is empty, too long, or has control characters');
  if (text.startsWith('-')) throw invalid('it starts with a dash');
  if (/^[A-Za-z0-9+.-]+::/.test(text)) throw notAllowed(text.slice(0, text.indexOf(':')));
  if (isAbsolute(text)) return { kind: 'path', url: normalize(text), path: normalize(text) };
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text)) return fromUrl(text, policy);
  if (scpForm.test(text)) return { kind: 'ssh', url: text };
  throw invalid('it is neither an absolute path nor a URL');
}

function fromUrl(text: string, policy: RemoteUrlPolicy): RemoteUrl {
  if (!URL.canParse(text)) throw invalid('it can not be read as a URL');
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  // A query is where some hosts take a token, and git needs none: it would end in the database, in answers and in logs.
  if (/[?#]/.test(text)) throw invalid('it has a query or a fragment');
  switch (scheme) {
    case 'https':
    case 'http':
      if (url.username !== '' || url.password !== '') throw withCredentials();
      if (
        scheme === 'http' &&
        !loopback.has(url.hostname) &&
        policy.insecureHosts?.includes(url.hostname) !== true
      ) {
        throw new GitError(
          'remote_scheme_not_allowed',
          'plain http is allowed to this machine only; use https, or allow the host explicitly',
        );
      }
      if (/%0[ad]/i.test(text)) throw invalid('it has an encoded line break');
      return { kind: scheme, url: text };
    case 'ssh':
      if (url.password !== '') throw withCredentials();
      if (url.hostname.startsWith('-') || url.username.startsWith('-') || /%2d/i.test(url.host))
        throw invalid('a part of it starts with a dash');
      return { kind: 'ssh', url: text };
    case 'file': {
      if (url.host !== '') throw invalid('a file URL must not name a host');
      const path = fileURLToPath(url);
      return { kind: 'path', url: normalize(path), path: normalize(path) };
    }
    default:
      throw notAllowed(scheme);
  }
}

function hasControlCharacter(text: string): boolean {
  return /[\u0000-\u001f\u007f\u2028\u2029]/.test(text) || !text.isWellFormed();
}

function invalid(why: string): GitError {
  return new GitError(
    'invalid_remote_url',
    `this is not an address of a repository: ${why}. Use https://host/path, ssh://host/path, user@host:path or an absolute path`,
  );
}

function notAllowed(scheme: string): GitError {
  return new GitError(
    'remote_scheme_not_allowed',
    `remotes over ${JSON.stringify(scheme.slice(0, 20))} are not allowed; use https, ssh, or an absolute path`,
  );
}

function withCredentials(): GitError {
  return new GitError(
    'remote_url_has_credentials',
    'the address has a user name or password in it; give the service a credential helper or an ssh key instead',
  );
}
