import { GitError } from './git-error.ts';
import type { IntentStore, LandingClaim } from './intent-store.ts';

export interface HeldClaims {
  /** Aborted when a claim was lost, or the work is to stop. */
  signal: AbortSignal;
  add(claim: LandingClaim): void;
}

/** Renews claims while the work runs. A lost one stops the work before its next step; the fence stops it in any case. */
export async function holdingClaims<T>(
  store: IntentStore,
  signal: AbortSignal,
  work: (held: HeldClaims) => Promise<T>,
): Promise<T> {
  const claims: LandingClaim[] = [];
  const lost = new AbortController();
  let renewing: Promise<void> = Promise.resolve();
  const renewAll = async (): Promise<void> => {
    for (const claim of claims) {
      // A database that can not be reached is not a lost claim: the next renewal, or the fence, decides.
      const stands = await store.renew(claim).catch(() => true);
      if (!stands)
        lost.abort(new GitError('landing_superseded', 'another process has taken this landing over'));
    }
  };
  const timer = setInterval(
    () => {
      renewing = renewing.then(renewAll);
    },
    Math.max(50, store.leaseMs / 3),
  );
  try {
    return await work({ signal: AbortSignal.any([signal, lost.signal]), add: (claim) => claims.push(claim) });
  } finally {
    clearInterval(timer);
    await renewing;
  }
}
