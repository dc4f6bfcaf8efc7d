import type { ActorView } from '../../actors/view.ts';
import type { Lifecycle } from './lifecycle.ts';

type Context = ActorView['context'];

const someOf = (name: string) => (context: Context) => {
  const value = context[name];
  return Array.isArray(value) && value.length > 0;
};
const isOneOpen = ({ settled, next }: Context) => Number(settled) < Number(next) - 1;
const isOneStuck = ({ stuck }: Context) => Number(stuck) > 0;
/** Another merge task is made for it, or it was the last thing that the phase waits for. */
const isMergeTaskOpen = (context: Context) =>
  context['resolver'] !== null &&
  isOneOpen(context) &&
  (Number(context['conflicts']) < Number(context['maxConflicts']) ||
    Number(context['settled']) === Number(context['next']) - 2);
const always = () => true;

/** The messages that lead out of a state, and what has to be so that they can come or make a difference. */
const NEWS: Readonly<Record<string, (context: Context) => boolean>> = {
  'initiative.canceling': always,
  'initiative.resumed': always,
  'slot.granted': always,
  'phase.opened': ({ phaseOpen }) => phaseOpen !== true,
  'phase.canceling': always,
  'phase.settled': isOneOpen,
  'phase.stuck': isOneOpen,
  'phase.unstuck': isOneStuck,
  'task.settled': isOneOpen,
  'task.stuck': isOneOpen,
  'task.unstuck': isOneStuck,
  'task.unresolved': isMergeTaskOpen,
  'dependency.settled': someOf('pending'),
  'split.made': always,
  'split.refused': always,
  'conflict.resolved': always,
  'conflict.failed': always,
  'conflict.dropped': ({ conflictOf }) => conflictOf !== null,
};

/** What the guards of eventless transitions look at, and which message changes it: these are taken by the machine as a whole. */
const LOOKED_AT: Readonly<Record<string, readonly string[]>> = {
  areAllSettled: ['task.settled', 'phase.settled'],
  isLeftUnresolved: ['task.settled'],
  isAnyStuck: ['task.stuck', 'phase.stuck'],
  isNoneStuck: ['task.unstuck', 'phase.unstuck'],
  isReady: ['phase.opened', 'dependency.settled'],
  isFree: ['dependency.settled'],
  isStranded: ['dependency.settled'],
  isNotPaused: ['initiative.resumed'],
};

/** The messages that would lead the actor out of its state: from its parent, its children or those beside it. */
export function newsFor(lifecycle: Lifecycle, actor: ActorView): string[] {
  const line = lifecycle.lineOf(actor);
  const named = line.flatMap(({ on = {} }) =>
    Object.entries(on)
      .filter(([, transitions]) => transitions.some(({ target }) => target !== undefined))
      .map(([type]) => type),
  );
  const lookedAt = line.flatMap(({ always: eventless = [] }) =>
    eventless
      .filter(({ target }) => target !== undefined)
      .flatMap(({ guard }) => LOOKED_AT[guard ?? ''] ?? []),
  );
  const candidates = new Set([...named, ...lookedAt]);
  const types = [...candidates].filter((type) => NEWS[type]?.(actor.context) === true);
  return lifecycle.taken(
    actor,
    types.filter((type) => lifecycle.events[type]?.senders.includes('message')),
  );
}
