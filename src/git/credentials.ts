import type { RemoteCredential } from './remote-credential.ts';

/** A shorter password is no secret, and would be cut out of half of what git says. */
const MIN_SECRET = 4;

/**
 * Makes a text fit for a log, an answer or the journal: without user names and passwords in URLs, without the value of an
 * `Authorization` header, and without these secrets themselves, however the remote that was told them spells them.
 */
export function scrubCredentials(text: string, known: readonly RemoteCredential[] = []): string {
  const secrets = known.flatMap(spellingsOf).toSorted((one, other) => other.length - one.length);
  return (
    secrets
      .reduce((scrubbed, secret) => scrubbed.replaceAll(secret, '***'), text)
      // A password may have an @ of its own: what comes before the last one is not the host.
      .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/]+@/gi, '$1***@')
      .replace(/\b(authorization["']?\s*[:=]\s*["']?(?:basic|bearer|token)\s+)[^\s"']+/gi, '$1***')
  );
}

/** Where the password only says what the user name is, or nothing at all, that is the secret. */
const NO_PASSWORD = new Set(['', 'x-oauth-basic']);

function spellingsOf({ username, password }: RemoteCredential): string[] {
  const secret = NO_PASSWORD.has(password) ? username : password;
  if (secret.length < MIN_SECRET) return [];
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  return [secret, encodeURIComponent(secret), basic, basic.replace(/=+$/, '')];
}
