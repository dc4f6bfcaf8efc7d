import type { Boundary } from './boundary.ts';
import type { GitError } from './git-error.ts';
import type { IntentStore } from './intent-store.ts';
import type { Conflict, MergeEngine } from './merge-engine.ts';
import type { Repository } from './repository.ts';

export interface LandingUnit {
  kind: 'task' | 'phase' | 'initiative';
  key: string;
  id: string;
}

export interface CommitAuthor {
  name: string;
  email: string;
}

export type LandingMode = 'merge' | 'fast_forward';

export interface LandingProject {
  projectId: string;
  repository: Repository;
  /** The recorded head to land; null when nothing was ever pushed to this project. */
  source: string | null;
  /** When given, sourceRef must stand exactly here. Without it, sourceRef must still contain `source`. */
  pinned?: string;
  sourceRef: string;
  targetRef: string;
  mode: LandingMode;
  /** Commits that must be contained in `source`: the proof that a resolution resolved what it was made for. */
  mustContain?: readonly string[];
}

export interface LandingRequest {
  effectId: string;
  attempt: number;
  unit: LandingUnit;
  projects: readonly LandingProject[];
  author: CommitAuthor;
}

export type LandedHow = 'merged' | 'already' | 'empty' | 'fast_forwarded';

export interface LandedProject {
  projectId: string;
  result: LandedHow;
  /** The target's tip before and after; equal when nothing moved. */
  before: string;
  after: string;
}

export interface ProjectConflict {
  projectId: string;
  target: string;
  source: string;
  conflicts: Conflict[];
}

export interface StoppedProject {
  projectId: string;
  /** What was expected and what was found, for the explanation. */
  expected: string | null;
  found: string | null;
}

export type StopReason = 'heads_moved' | 'outrun' | 'source_lost' | 'not_contained' | 'unrelated';

export type LandingResult =
  | { result: 'landed'; projects: LandedProject[] }
  | { result: 'conflict'; conflicts: ProjectConflict[] }
  | { result: StopReason; projects: StoppedProject[] };

export interface GitLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}

export interface LandingPorts {
  store: IntentStore;
  engine: MergeEngine;
  boundary: Boundary;
  signal: AbortSignal;
  log: GitLog;
  /** The hub's repository of any project: intents left by another landing may be in projects this one does not touch. */
  repositoryOf(projectId: string): Repository;
}

/** In the message of whoever waits for a landing that git does not let end; `/readyz` looks for it. */
export const unfinishable = 'can not be finished:';

/** Someone else is at work on a target; come again after `delayMs`. The place in the lane is kept. */
export class LaneBusy extends Error {
  override readonly name = 'LaneBusy';
  readonly behind: string;
  readonly projectId: string;
  readonly ref: string;
  readonly delayMs: number;

  constructor(
    lane: { behind: string; projectId: string; ref: string; fault?: GitError; holder?: string },
    delayMs = 150,
  ) {
    const { ref, fault, holder } = lane;
    const why = fault === undefined ? '' : `, which ${unfinishable} ${fault.code}: ${fault.message}`;
    super(
      holder === undefined
        ? `waiting for another landing on ${ref}${why}`
        : `waiting for ${holder}, which has been outrun too often, to merge ${ref}`,
    );
    this.behind = lane.behind;
    this.projectId = lane.projectId;
    this.ref = lane.ref;
    this.delayMs = delayMs;
  }
}
