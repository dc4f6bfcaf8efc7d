/** Who we are to the remotes of one host. */
export interface RemoteCredential {
  /** Scheme and host, for example `https://git.example.com`. */
  readonly origin: string;
  readonly username: string;
  readonly password: string;
}

/** Whether a remote is at that origin: over http or https only, because nothing else asks git for a password. */
export function isAt(remote: string, origin: string): boolean {
  return /^https?:/i.test(remote) && URL.parse(remote)?.origin === URL.parse(origin)?.origin;
}

/**
 * The environment in which a git answers its own questions for a password: a helper for each host reads it from variables. Secrets are
 * in no argument and no file, and a remote of another host gets none.
 */
export function credentialEnvironment(credentials: readonly RemoteCredential[]): {
  config: (readonly [key: string, value: string])[];
  variables: Record<string, string>;
} {
  const variables: Record<string, string> = {};
  const config = credentials.map(({ origin, username, password }, index) => {
    const [user, secret] = [`SIGNALBOX_REMOTE_USER_${index}`, `SIGNALBOX_REMOTE_SECRET_${index}`];
    variables[user] = username;
    variables[secret] = password;
    const answer = `printf 'username=%s\\npassword=%s\\n' "$${user}" "$${secret}"`;
    return [`credential.${origin}.helper`, `!f() { test "$1" = get || exit 0; ${answer}; }; f`] as const;
  });
  return { config, variables };
}
