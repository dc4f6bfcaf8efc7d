import type { StateValue } from 'xstate';

import type { JsonObject } from './json.ts';

/** A look at an actor, as it was when it was read. */
export interface ActorView {
  readonly id: string;
  readonly machine: string;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly version: number;
  readonly state: StateValue;
  readonly tags: string[];
  readonly context: JsonObject;
  /** Events a person or an agent may send now. */
  readonly next: string[];
  /** XState's word: `active`, `done`, `error`, `stopped`. */
  readonly status: string;
  readonly quarantined: null | { readonly reason: string };
  /** When it came into the state that it is in, as database time; events that left it there do not count. */
  readonly since: Date;
  /** When it was last told anything, as database time. */
  readonly updatedAt: Date;
}
