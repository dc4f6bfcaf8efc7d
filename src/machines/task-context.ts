import type { Tell, TellParams } from './outbox.ts';
import type { Parts } from './parts.ts';
import type { ConflictUnit, DependentsPolicy, Failure, SettledOutcome, TaskCategory } from './payloads.ts';
import { watcherTells } from './watchers.ts';

/** What a task is created with. */
export interface TaskInput {
  readonly ordinal: number;
  readonly category: TaskCategory;
  readonly needsReview: boolean;
  readonly priority: number;
  readonly phaseOpen: boolean;
  /** Ordinals of the siblings this task waits for. */
  readonly dependsOn: readonly number[];
  /** Whose conflict this merge task resolves. */
  readonly conflictOf: ConflictUnit | null;
  /** Its ordinal, if it is a sibling's. */
  readonly resolves: number | null;
  readonly maxAttempts: number;
  readonly maxRounds: number;
  /** How many merge tasks are made for one conflict of this task before a person is asked. */
  readonly maxConflicts: number;
}

/** What a task remembers; everything longer is in tables. */
export interface TaskContext extends Omit<TaskInput, 'dependsOn'> {
  readonly pending: readonly number[];
  readonly stranded: readonly number[];
  readonly watchers: readonly number[];
  readonly attempt: number;
  /** Attempts that failed since the last retry by a person. */
  readonly failures: number;
  readonly lease: { readonly id: string; readonly agentId: string } | null;
  /** The lease that ran out, as long as nobody else has taken the task. */
  readonly lapsed: string | null;
  /** Whoever worked on it last had asked a person, and had no answer yet. */
  readonly asking: boolean;
  /** How often an agent has put the task off, and for how long the last time. */
  readonly deferrals: number;
  readonly deferSeconds: number;
  /** Digest of the heads that were submitted last. */
  readonly submission: string | null;
  /** The round of its own review, if it has one. */
  readonly round: number;
  /** Merge tasks that were made since the last retry by a person. */
  readonly conflicts: number;
  readonly outruns: number;
  /** The merge task that resolves the conflict. */
  readonly resolver: number | null;
  /** Merge tasks up to this ordinal are done with: their news is old. */
  readonly pastResolver: number;
  /** A cancel that came while the landing could not be stopped. */
  readonly cancelRequested: boolean;
  readonly dependents: DependentsPolicy | null;
  readonly failure: Failure | null;
  readonly outcome: SettledOutcome;
  /** What took its place, if it was split. */
  readonly parts: Parts | null;
}

/** How often a task may be put off, for a limit of its agents, before that counts as an attempt. */
export const MAX_DEFERRALS = 20;
/** How often a staged submit may be outrun by the tip before a person is asked. */
export const MAX_OUTRUNS = 10;

export function initialTaskContext(input: TaskInput): TaskContext {
  const { dependsOn, ...fixed } = input;
  return {
    ...fixed,
    pending: dependsOn,
    stranded: [],
    watchers: [],
    attempt: 0,
    failures: 0,
    lease: null,
    lapsed: null,
    asking: false,
    deferrals: 0,
    deferSeconds: 0,
    submission: null,
    round: 1,
    conflicts: 0,
    outruns: 0,
    resolver: null,
    pastResolver: 0,
    cancelRequested: false,
    dependents: null,
    failure: null,
    outcome: 'completed',
    parts: null,
  };
}

/** What everybody concerned is told when the task settles. */
export function settledTells(context: TaskContext): TellParams {
  const { ordinal, outcome } = context;
  return {
    many: [
      { to: 'parent' as const, event: { type: 'task.settled', ordinal, outcome } },
      ...watcherTells(context),
      ...siblingTells(context, outcome === 'completed' ? 'conflict.resolved' : 'conflict.failed'),
    ],
  };
}

/** Whoever waits for a merge task that failed. A phase hears of one that settled as of any other task. */
export function unresolvedTells(context: TaskContext): TellParams {
  const { ordinal, conflictOf } = context;
  const toPhase = { to: 'parent' as const, event: { type: 'task.unresolved', ordinal } };
  return {
    many: [
      ...siblingTells(context, 'conflict.failed'),
      ...(conflictOf === 'phase' || conflictOf === 'initiative' ? [toPhase] : []),
    ],
  };
}

/** The task whose conflict it resolves. */
function siblingTells({ ordinal, resolves }: TaskContext, type: string): Tell[] {
  return resolves === null ? [] : [{ to: { sibling: resolves }, event: { type, by: ordinal } }];
}

/** What a merge task is told when nobody waits for its resolution any more. */
export function dropConflictTells(context: TaskContext): TellParams {
  if (context.resolver === null) return { many: [] };
  return { to: { sibling: context.resolver }, event: { type: 'conflict.dropped' } };
}
