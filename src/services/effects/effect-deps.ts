import type { SqlPool } from '../../actors/sql.ts';
import type { Runtime } from '../../actors/runtime.ts';
import type { Boundary } from '../../git/boundary.ts';
import type { DeliveryStore } from '../../git/delivery-types.ts';
import type { Hub } from '../../git/hub.ts';
import type { IntentStore } from '../../git/intent-store.ts';
import type { CommitAuthor, GitLog } from '../../git/landing-types.ts';
import type { RemoteUrlPolicy } from '../../git/remote-url.ts';
import type { MergeEngine } from '../../git/merge-engine.ts';
import type { PlanStore } from '../plan-store.ts';
import type { RunningBodies } from './running-bodies.ts';

/** What the bodies of effects work with. */
export interface EffectDeps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly hub: Hub;
  readonly engine: MergeEngine;
  /** Which remotes may be spoken to. */
  readonly remotes: RemoteUrlPolicy;
  readonly intents: IntentStore;
  readonly deliveries: DeliveryStore;
  readonly boundary: Boundary;
  readonly log: GitLog;
  readonly running: RunningBodies;
  /** Who is named in merge commits. */
  readonly author: CommitAuthor;
  /** The actors, to ask what their children have handed in; set before the runtime starts. */
  readonly actors: () => Pick<Runtime, 'peek' | 'peekMany'>;
}
