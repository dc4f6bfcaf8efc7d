import type { ActorView } from '../../actors/view.ts';
import type { Kind } from '../shapes/actor.ts';
import type { Reason } from '../shapes/explanation.ts';
import type { Subject } from './subject.ts';

/** Said where cancel is still among the events that are taken. */
const AGAIN = 'to cancel it again changes nothing';
const AGAIN_WITH_DEPENDENTS = 'to cancel it again changes only what becomes of those that wait for it';

/** When a cancel that is recorded is followed, by the state in which it waits. */
const FOLLOWED: Readonly<Record<Kind, Readonly<Record<string, (context: ActorView['context']) => string>>>> =
  {
    initiative: {
      'in_progress.syncing': ({ brought }) =>
        brought === true
          ? `when the sync has ended it is held, until what remotes have is taken back; ${AGAIN}`
          : `it is followed when the sync has ended; ${AGAIN}`,
      delivering: () =>
        `it is followed when the delivery has ended with nothing delivered. If all is delivered, the initiative is completed; if a part is, that has to be taken back first; ${AGAIN}`,
      'reverting.preparing': () => `it is followed when what was delivered is taken back; ${AGAIN}`,
      'reverting.pushing': () => `it is followed when what was delivered is taken back; ${AGAIN}`,
      partially_delivered: () =>
        'it is followed when what was delivered is taken back; to resume the delivery, or to sync, withdraws it',
      delivery_failed: () =>
        'it was not followed, because nobody knows whether a remote has got something; to cancel again ends it all the same, to retry or to recheck withdraws it',
    },
    phase: {
      'merging.landing': () =>
        `it is followed when the landing has ended, unless all has landed: then the phase is completed; ${AGAIN_WITH_DEPENDENTS}`,
    },
    task: {
      merging: () =>
        `it is followed when the landing has ended, unless all has landed: then the task is completed; ${AGAIN_WITH_DEPENDENTS}`,
    },
  };

/** What somebody has asked for that what is under way has to end for first: a cancel, or a pause. */
export function recordedOf({ kind, actor, path }: Subject): Reason[] {
  const { context, tags } = actor;
  const reasons: Reason[] = [];
  const isEnding = tags.includes('settled') || path.startsWith('canceling');
  if (context['cancelRequested'] === true && !isEnding) {
    const when = FOLLOWED[kind][path]?.(context) ?? 'it is followed when this has ended';
    reasons.push({ code: 'cancel_recorded', text: `a cancel is recorded: ${when}`, refers: [] });
  }
  if (kind === 'initiative' && context['paused'] === true && path === 'in_progress.syncing') {
    const text =
      'a pause is recorded: no phase is given a slot, claimed from or landed any more, and the initiative is paused when the sync has ended';
    reasons.push({ code: 'pause_recorded', text, refers: [] });
  }
  return reasons;
}
