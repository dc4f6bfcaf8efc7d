import type { JournalFeed } from '../actors/journal-types.ts';
import { type AgentRow, heldAttempt, leaseOver, ownAgent } from './agent-store.ts';
import { keepLease, leaseOfKey, wasClaimed } from './claim-keys.ts';
import { type ClaimDeps, describeClaim, startAttempt } from './claims.ts';
import type { ClaimCaller } from './contracts.ts';
import { gitRefusal } from './git-refusal.ts';
import { releaseReadyTask, reserveReadyTask } from './ready-tasks.ts';
import type { Claim, ClaimRequest } from './shapes/agent.ts';

/** How often a waiting claim looks again without being woken. */
const LOOK_AGAIN_MS = 1_000;

export type ClaimingDeps = ClaimDeps & { readonly feed: () => JournalFeed };

/** Gives tasks to agents; waits for one when asked to. */
export class Claiming {
  readonly #deps: ClaimingDeps;

  constructor(deps: ClaimingDeps) {
    this.#deps = deps;
  }

  async claim(agentId: string, request: ClaimRequest, caller: ClaimCaller): Promise<Claim | null> {
    const agent = await ownAgent(this.#deps.sql, agentId, caller.principal);
    const earlier = await leaseOfKey(this.#deps.sql, caller);
    const repeated = earlier === null ? null : await this.#repeat(agentId, earlier, caller);
    if (repeated !== null) return repeated;
    const claim = await this.#waitForOne(agent, request.waitSeconds * 1_000, caller);
    if (claim !== null) await keepLease(this.#deps.sql, caller, claim.lease.id);
    return claim;
  }

  /** A claim that never reached its task is made as if it were new. */
  async #repeat(agentId: string, leaseId: string, caller: ClaimCaller): Promise<Claim | null> {
    const held = await heldAttempt(this.#deps.sql, agentId);
    if (held?.lease_id === leaseId) return describeClaim(this.#deps, held, caller);
    if (await wasClaimed(this.#deps.sql, leaseId)) throw leaseOver();
    return null;
  }

  async #waitForOne(agent: AgentRow, waitMs: number, caller: ClaimCaller): Promise<Claim | null> {
    const until = Date.now() + waitMs;
    for (;;) {
      if (caller.signal.aborted) return null;
      const claim = (await this.#heldClaim(agent.id, caller)) ?? (await this.#tryClaim(agent, caller));
      if (claim !== null) return claim;
      const left = until - Date.now();
      // A request that came together with this one may have got the task meanwhile.
      if (left <= 0) return this.#heldClaim(agent.id, caller);
      await this.#news(Math.min(left, LOOK_AGAIN_MS), caller.signal);
    }
  }

  async #heldClaim(agentId: string, caller: ClaimCaller): Promise<Claim | null> {
    const held = await heldAttempt(this.#deps.sql, agentId);
    return held === null ? null : describeClaim(this.#deps, held, caller);
  }

  async #tryClaim(agent: AgentRow, caller: ClaimCaller): Promise<Claim | null> {
    const reservation = await reserveReadyTask(this.#deps.sql, {
      agentId: agent.id,
      capabilities: agent.capabilities,
    });
    if (reservation === null) return null;
    try {
      const claim = await startAttempt(this.#deps, reservation, agent.id, caller);
      if (claim === null) await releaseReadyTask(this.#deps.sql, reservation, agent.id);
      return claim;
    } catch (error) {
      await releaseReadyTask(this.#deps.sql, reservation, agent.id);
      throw gitRefusal(error);
    }
  }

  /** Waits until something happened, the time is up, or the caller is gone. */
  async #news(waitMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      signal.addEventListener('abort', done);
      const unsubscribe = this.#deps.feed().subscribe(done);
    });
  }
}
