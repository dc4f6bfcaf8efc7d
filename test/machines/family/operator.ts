import type { AnyEventObject } from 'xstate';
import type { Family, Member } from './family.ts';
import { DIGEST } from './outcomes.ts';
import { AGENT, LEASE } from './people.ts';

const approval = (member: Member) => {
  const { heads, submission } = member.snapshot.context as { heads?: string; submission?: string };
  return { heads: {}, digest: heads ?? submission ?? DIGEST };
};

/** What a person does about a state that waits for one, first match first. */
const REMEDIES: Readonly<Record<Member['kind'], readonly ((member: Member) => AnyEventObject)[]>> = {
  initiative: [
    () => ({ type: 'initiative.start' }),
    () => ({ type: 'initiative.resume' }),
    (member) => ({ type: 'initiative.approve', strategies: {}, ...approval(member) }),
    () => ({ type: 'initiative.resumeDelivery' }),
    () => ({ type: 'initiative.revertDelivery' }),
    () => ({ type: 'initiative.retry' }),
  ],
  phase: [
    () => ({ type: 'phase.approvePlan' }),
    (member) => ({ type: 'phase.approve', ...approval(member) }),
    () => ({ type: 'phase.retry' }),
    () => ({ type: 'phase.waive' }),
  ],
  task: [
    () => ({ type: 'task.resume' }),
    () => ({ type: 'task.answer', answer: 'yes' }),
    (member) => ({ type: 'task.approve', ...approval(member) }),
    () => ({ type: 'task.retry' }),
    () => ({ type: 'task.waive' }),
  ],
};

/** Does for one member what a person, or an agent, would do next; false when it needs nobody. */
export function remedy(family: Family, member: Member): boolean {
  if (member.isSettled) return false;
  const { attempt } = member.snapshot.context as { attempt: number };
  if (member.snapshot.hasTag('claimable')) {
    return family.post(member.id, {
      type: 'task.claim',
      lease: LEASE,
      agentId: AGENT,
      attempt: attempt + 1,
      leaseSeconds: 60,
    });
  }
  if (member.path === 'in_progress.working' && member.kind === 'task') {
    return family.post(member.id, {
      type: 'task.submit',
      answers: [],
      lease: LEASE,
      submission: DIGEST,
      summary: '',
      noChanges: null,
    });
  }
  // Nobody waits for a timer here.
  if (member.path === 'deferred') return family.post(member.id, { type: 'task.resume' });
  if (!member.snapshot.hasTag('needs_you')) return false;
  return REMEDIES[member.kind].some((make) => family.post(member.id, make(member)));
}
