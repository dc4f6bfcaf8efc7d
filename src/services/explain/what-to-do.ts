import type { SqlPool } from '../../actors/sql.ts';
import { openQuestions } from '../open-questions.ts';
import type { Kind } from '../shapes/actor.ts';
import type { NeedsYou, Reason } from '../shapes/explanation.ts';
import { fixOf } from './failure-fixes.ts';
import type { Subject } from './subject.ts';

const REFS = 'The backup refs could not be written. Mend what kept git from it, then retry.';

/** What a person is to do, in every state that waits for one or may come to. */
const TO_DO: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  initiative: {
    queued: 'Start it when its plan is as you want it.',
    'in_progress.open_failed': 'Mend what kept its branches from being made, then retry, or cancel it.',
    'in_progress.running.attention': 'Look at the phases that wait for a person: the reasons name them.',
    'in_progress.paused': 'Resume it when work is to go on.',
    'in_progress.unproven':
      'Bring what is missing back to its branch and recheck, add a phase that does it again, or cancel it.',
    'pending_review.open': 'Review what its phases made: approve the heads for delivery, or request changes.',
    'pending_review.unreadable': 'Mend what kept the heads from being read, then recheck, or cancel it.',
    partially_delivered:
      'Mend what the remote refused and resume the delivery, have what was delivered taken back, or sync and go on.',
    delivery_failed:
      'Mend what kept it from being delivered, then retry; recheck to review it again, or cancel it.',
    conflict_unresolved:
      'Retry for another phase that merges, sync with the default branches, add a phase of your own, or cancel it.',
    'canceling.draining': 'Look at the phases that wait for a person: the reasons name them.',
    'canceling.stuck': REFS,
  },
  phase: {
    draft: 'Read its plan: agree to it, add tasks, or cancel it.',
    'blocked.stranded': 'What it depends on was canceled. Link it to something else, waive it, or cancel it.',
    'in_progress.open_failed': 'Mend what kept its branch from being made, then retry; waive or cancel it.',
    'in_progress.attention': 'Look at the tasks that wait for a person: the reasons name them.',
    'in_progress.conflict_attention': 'Look at the merge task that waits for a person: the reasons name it.',
    'in_progress.unproven':
      'Bring what is missing back to its branch and recheck, add a task that does it again, waive or cancel it.',
    'pending_review.open': 'Review what its tasks made: approve the heads, or request changes.',
    'pending_review.unreadable':
      'Mend what kept the heads from being read, then recheck; waive or cancel it.',
    conflict_unresolved:
      'Retry for another merge task, merge on its branch yourself and recheck, add a task, waive or cancel it.',
    merge_failed: 'Mend what kept it from being landed, then retry; waive or cancel it.',
    'canceling.draining': 'Look at the tasks that wait for a person: the reasons name them.',
    'canceling.stuck': REFS,
  },
  task: {
    'blocked.stranded': 'What it depends on was canceled. Link it to something else, waive it, or cancel it.',
    'in_progress.asking': 'Answer the question of its agent.',
    held: 'Resume it when an agent may claim it again; waive or cancel it.',
    pending_review: 'Review what was handed in: approve the heads, or request changes.',
    conflict_unresolved:
      'Retry for another merge task, merge on the branch of the phase yourself and recheck, waive or cancel it.',
    failed: 'Mend what made it fail, then retry; waive or cancel it.',
    'canceling.stuck': REFS,
  },
};

/** What a reviewer can do with no round of changes left, as far as the unit takes it. */
const LAST_ROUND: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  initiative: {
    'initiative.approve': 'approve the heads for delivery',
    'initiative.addPhase': 'add a phase that does what is missing',
    'initiative.cancel': 'cancel it',
  },
  phase: {
    'phase.approve': 'approve the heads',
    'phase.addTask': 'add a task that does what is missing',
    'phase.waive': 'waive it',
    'phase.cancel': 'cancel it',
  },
  task: {
    'task.approve': 'approve the heads',
    'task.waive': 'waive it',
    'task.cancel': 'cancel it',
  },
};

/** What a person is to do; null where nobody is asked. */
export async function needsYou(
  sql: SqlPool,
  subject: Subject,
  reasons: readonly Reason[],
): Promise<NeedsYou | null> {
  const { kind, actor, path } = subject;
  if (actor.quarantined !== null) {
    return {
      text: 'An operator has to look why it was set aside, and then has to have that applied again (POST .../replay).',
      failure: null,
    };
  }
  const toDo = lastRound(subject) ?? TO_DO[kind][path];
  const isTagged = actor.tags.includes('needs_you');
  // What ends says of itself that it is busy; what is stuck in it is still for a person to mend.
  if (toDo === undefined || !(isTagged || reasons.some(({ code }) => code === 'child_needs_you')))
    return null;
  const question = path.endsWith('asking') ? (await openQuestions(sql, [actor.id])).get(actor.id) : undefined;
  const failed = isTagged ? failureOf(subject) : null;
  return {
    text: question === undefined ? toDo : `${toDo} It asks: ${question}`,
    failure: failed === null ? null : { ...failed, fix: fixOf(failed.code) },
  };
}

/** In a review that can not request changes any more, because the plan allows no further round; null elsewhere. */
function lastRound({ kind, actor }: Subject): string | null {
  const { next } = actor;
  if (!next.includes(`${kind}.approve`) || next.includes(`${kind}.requestChanges`)) return null;
  const ways = Object.entries(LAST_ROUND[kind]).flatMap(([event, way]) =>
    next.includes(event) ? [way] : [],
  );
  return `No round of changes is left, the plan allows no more: ${ways.slice(0, -1).join(', ')} or ${ways.at(-1)}.`;
}

/** What went wrong last, as long as it has not been made good. */
export function failureOf({ actor }: Subject): { code: string; message: string } | null {
  const failed = actor.context['failure'];
  if (typeof failed !== 'object' || failed === null || actor.tags.includes('settled')) return null;
  const { code, message } = failed as { code?: unknown; message?: unknown };
  return { code: String(code), message: String(message) };
}
