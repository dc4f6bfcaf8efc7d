import type { Boundary } from './boundary.ts';
import type { GitErrorCode } from './git-error.ts';
import type { CommitAuthor, GitLog, LandingUnit, ProjectConflict, StoppedProject } from './landing-types.ts';
import type { MergeEngine } from './merge-engine.ts';
import type { RemoteUrlPolicy } from './remote-url.ts';
import type { Repository } from './repository.ts';

export type DeliveryStrategy = 'push_branch' | 'merge_and_push';

export interface DeliveryProject {
  projectId: string;
  repository: Repository;
  remote: string;
  defaultBranch: string;
  strategy: DeliveryStrategy;
  /** The initiative branch's head as it was approved; null when the initiative has nothing in this project. */
  source: string | null;
  /** The remote branch of `push_branch`, for example `signalbox/checkout`. */
  pushBranch: string;
}

export interface DeliveryRequest {
  effectId: string;
  attempt: number;
  unit: LandingUnit;
  projects: readonly DeliveryProject[];
  author: CommitAuthor;
}

/** `empty`: there was nothing to bring. `reverted`: what had been brought is taken back. */
export type DeliveredHow = 'pushed' | 'merged' | 'already' | 'empty' | 'reverted';

export interface DeliveryRecord {
  projectId: string;
  strategy: DeliveryStrategy;
  /** The full name of the ref at the remote. */
  remoteRef: string;
  /** The remote's tip the push expects; null when the ref must not exist there. */
  before: string | null;
  /** What the remote is to have; null where there is nothing to bring, or nothing that could be, or the ref is to go. */
  after: string | null;
  state: 'prepared' | 'delivered' | 'refused' | 'reverted';
  result: DeliveredHow;
  /** Why it was refused; null while it was not. */
  code: GitErrorCode | 'conflict' | 'source_lost' | 'unrelated' | 'heads_moved' | null;
  message: string | null;
}

export type DeliveryResult =
  | { result: 'delivered'; projects: DeliveryRecord[] }
  | { result: 'conflict'; conflicts: ProjectConflict[] }
  | { result: 'source_lost' | 'unrelated'; projects: StoppedProject[] }
  /** Nothing was pushed anywhere. */
  | { result: 'refused'; projects: DeliveryRecord[] }
  /** Nothing was pushed anywhere, and what stands in the hub by now is not what was approved. */
  | { result: 'heads_moved'; projects: DeliveryRecord[]; message: string }
  | { result: 'partially_delivered'; projects: DeliveryRecord[]; conflicts: ProjectConflict[] };

/** What was prepared and what has arrived, per effect and project. An older attempt's writes are refused with `landing_superseded`. */
export interface DeliveryStore {
  load(effectId: string): Promise<DeliveryRecord[]>;
  save(effectId: string, attempt: number, records: readonly DeliveryRecord[]): Promise<void>;
}

export interface DeliveryPorts {
  store: DeliveryStore;
  engine: MergeEngine;
  boundary: Boundary;
  signal: AbortSignal;
  log: GitLog;
  remotes?: RemoteUrlPolicy;
  /** Asked again before a remote that has moved is merged with once more: null while what is delivered is what was approved, otherwise what is new. */
  stillApproved?: () => Promise<string | null>;
}
