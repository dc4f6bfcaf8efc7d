/** What the service allows a push to do. */
export type PushGrant =
  | { mode: 'attempt'; ref: string }
  /** The lease is over: a push to `ref` is kept at `keepAs` and moves nothing else. */
  | { mode: 'late'; ref: string; keepAs: string };

/** How the hooks are told: by the environment. A push that came another way has none of it, and then it may do nothing. */
export function grantEnvironment(grant: PushGrant | null): Record<string, string> {
  if (grant === null) return {};
  return {
    SIGNALBOX_PUSH_REF: grant.ref,
    ...(grant.mode === 'late' ? { SIGNALBOX_PUSH_KEEP_AS: grant.keepAs } : {}),
  };
}
