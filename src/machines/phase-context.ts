import type { TellParams } from './outbox.ts';
import type { ConflictUnit, DependentsPolicy, Failure, ReviewMode, SettledOutcome } from './payloads.ts';
import { watcherTells } from './watchers.ts';

/** What a phase is created with. */
export interface PhaseInput {
  readonly ordinal: number;
  readonly mode: ReviewMode;
  readonly draft: boolean;
  /** Ordinals of the siblings this phase waits for. */
  readonly dependsOn: readonly number[];
  /** How many tasks (1 to this number) are created together with the phase. */
  readonly tasks: number;
  /** How many tasks the plan has, those included that are still on their way as messages; all of them by default. */
  readonly planned?: number;
  readonly paused: boolean;
  readonly maxAttempts: number;
  readonly maxRounds: number;
  readonly maxConflicts: number;
}

/** A conflict of the phase with the initiative, or of the initiative with the default branches, which a phase is made for. */
export interface OwnConflict {
  readonly of: Exclude<ConflictUnit, 'task'>;
  /** Where; null: nobody said. */
  readonly projects: readonly string[] | null;
}

/** What a phase remembers; everything longer is in tables. */
export interface PhaseContext {
  readonly ordinal: number;
  readonly mode: ReviewMode;
  readonly draft: boolean;
  readonly maxAttempts: number;
  readonly maxRounds: number;
  readonly maxConflicts: number;
  readonly pending: readonly number[];
  readonly stranded: readonly number[];
  readonly watchers: readonly number[];
  /** The ordinal of the next task. */
  readonly next: number;
  /** Ordinals up to this one belong to the plan, whose tasks name each other by ordinal. */
  readonly planned: number;
  readonly settled: number;
  readonly stuck: number;
  readonly opened: boolean;
  readonly paused: boolean;
  readonly round: number;
  /** The conflict that a merge task of the phase itself resolves: with the initiative, unless the phase was made for another. */
  readonly conflict: OwnConflict;
  /** That merge task, until it has landed. */
  readonly resolver: number | null;
  /** Merge tasks that were made since the last one that landed, or the last retry by a person. */
  readonly conflicts: number;
  /** The last of them was canceled: a person is asked when everything else is settled. */
  readonly unresolved: boolean;
  /** Digest of the heads that the open review served. */
  readonly heads: string | null;
  /** Digest of the heads that were approved. */
  readonly approved: string | null;
  readonly cancelRequested: boolean;
  readonly dependents: DependentsPolicy | null;
  readonly failure: Failure | null;
  readonly outcome: SettledOutcome;
}

export function initialPhaseContext(input: PhaseInput): PhaseContext {
  return {
    ordinal: input.ordinal,
    mode: input.mode,
    draft: input.draft,
    maxAttempts: input.maxAttempts,
    maxRounds: input.maxRounds,
    maxConflicts: input.maxConflicts,
    pending: input.dependsOn,
    stranded: [],
    watchers: [],
    next: input.tasks + 1,
    planned: input.planned ?? input.tasks,
    settled: 0,
    stuck: 0,
    opened: false,
    paused: input.paused,
    round: 1,
    conflict: { of: 'phase', projects: null },
    resolver: null,
    conflicts: 0,
    unresolved: false,
    heads: null,
    approved: null,
    cancelRequested: false,
    dependents: null,
    failure: null,
    outcome: 'completed',
  };
}

/** What everybody concerned is told when the phase settles. */
export function phaseSettledTells(context: PhaseContext): TellParams {
  const { ordinal, outcome } = context;
  return {
    many: [
      { to: 'parent' as const, event: { type: 'phase.settled', ordinal, outcome } },
      ...watcherTells(context),
    ],
  };
}
