/** What the client's git gets of a lease: its credential by environment, in no address and no argument. */
export function hubCredential(claimed: {
  readonly git: { readonly username: string; readonly password: string };
}): Record<string, string> {
  const { username, password } = claimed.git;
  return {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
  };
}
