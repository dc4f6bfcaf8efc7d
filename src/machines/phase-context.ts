import type { Create, TellParams } from './outbox.ts';
import type { DependentsPolicy, Failure, ReviewMode, SettledOutcome, TaskCategory } from './payloads.ts';
import { settledEvent } from './task-context.ts';

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
}

/** What a phase remembers; everything longer is in tables. */
export interface PhaseContext {
  readonly ordinal: number;
  readonly mode: ReviewMode;
  readonly draft: boolean;
  readonly maxAttempts: number;
  readonly maxRounds: number;
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
    heads: null,
    approved: null,
    cancelRequested: false,
    dependents: null,
    failure: null,
    outcome: 'completed',
  };
}

/** How many tasks the phase counts, settled or not. */
export function taskCount(context: PhaseContext): number {
  return context.next - 1;
}

/** The same event for every task; settled ones ignore it. */
export function tellTasks(context: PhaseContext, type: string): TellParams {
  return {
    many: Array.from({ length: taskCount(context) }, (_, index) => ({
      to: { child: index + 1 },
      event: { type },
    })),
  };
}

/** What everybody concerned is told when the phase settles. */
export function phaseSettledTells(context: PhaseContext): TellParams {
  const { ordinal, outcome, dependents } = context;
  return {
    many: [
      { to: 'parent' as const, event: { type: 'phase.settled', ordinal, outcome } },
      ...context.watchers.map((watcher) => ({
        to: { sibling: watcher },
        event: settledEvent(ordinal, outcome, dependents),
      })),
    ],
  };
}

/** A task made while the phase is under way; it has the next ordinal. */
export function newTask(
  context: PhaseContext,
  task: {
    category: TaskCategory;
    needsReview?: boolean;
    priority: number;
    dependsOn?: readonly number[];
    resolves?: number | null;
  },
): Create {
  return {
    child: context.next,
    machine: 'task',
    input: {
      ordinal: context.next,
      category: task.category,
      needsReview: task.needsReview ?? false,
      priority: task.priority,
      phaseOpen: context.opened,
      dependsOn: task.dependsOn ?? [],
      resolves: task.resolves ?? null,
      maxAttempts: context.maxAttempts,
    },
  };
}

/** The row of a task that the phase makes. */
export interface TaskRow {
  readonly child: number;
  readonly key: string;
  readonly title: string;
  readonly description: string;
  readonly category: TaskCategory;
  readonly priority: number;
  readonly needsReview: boolean;
  readonly capabilities: readonly string[];
  readonly projects: readonly string[] | null;
  readonly dependsOn: readonly number[];
  readonly resolves: number | null;
  /** The review round whose comments the task answers. */
  readonly round: number | null;
}

/** Priority of work that others wait for: revisions and conflicts go first. */
export const URGENT = 90;
