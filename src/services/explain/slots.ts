import type { Runtime } from '../../actors/runtime.ts';
import type { ActorView } from '../../actors/view.ts';
import { withRequest } from '../../machines/initiative-context.ts';
import type { Reason } from '../shapes/explanation.ts';
import { pathOf } from './state-path.ts';
import { ordinalsOf, type Subject } from './subject.ts';

/** What a phase waits for that only its initiative gives: a slot to run in, or that it runs itself. */
export async function slotsOf(runtime: Runtime, subject: Subject): Promise<Reason[]> {
  const { kind, actor, path, parent } = subject;
  if (kind === 'initiative') return path.startsWith('in_progress.running') ? [ofInitiative(actor)] : [];
  if (kind === 'task' || parent === null) return [];
  if (path === 'merging.gate') return [paused('is landed', parent.id)];
  if (path !== 'queued') return [];
  const initiative = await runtime.peek(parent.id);
  if (initiative === null) return [];
  const at = pathOf(initiative.state);
  const ordinal = Number(actor.context['ordinal']);
  // Its request may still be on its way.
  const order = withRequest(ordinalsOf(initiative, 'waiting'), ordinal);
  const ahead = askedIn(order.slice(0, order.indexOf(ordinal)));
  const { limit, taken } = countsOf(initiative);
  const wait: Reason = {
    code: 'waits_for_slot',
    text: `waits for a slot of the initiative: ${taken} of ${limit} are taken, and ${ahead} waiting before it`,
    refers: [parent.id],
    slots: { limit, taken, ahead },
    others: [{ id: parent.id, kind: 'initiative', key: parent.key, path: at, tags: initiative.tags }],
  };
  if (at.startsWith('in_progress.running')) return [wait];
  if (at === 'in_progress.paused') return [wait, paused('is given a slot', parent.id)];
  const who = initiative.tags.includes('needs_you') ? ', which waits for a person' : '';
  return [
    wait,
    {
      code: 'waits_for_initiative',
      text: `no phase is given a slot while the initiative is ${at}${who}`,
      refers: [parent.id],
    },
  ];
}

function ofInitiative(actor: ActorView): Reason {
  const { limit, taken } = countsOf(actor);
  const ahead = askedIn(ordinalsOf(actor, 'waiting'));
  return {
    code: 'slots',
    text: `${taken} of ${limit} slots are taken, and ${ahead} waiting for one`,
    refers: [],
    slots: { limit, taken, ahead },
  };
}

/** How many of these places are phases that have asked for a slot; the others are negative. */
function askedIn(places: readonly number[]): number {
  return places.filter((place) => place > 0).length;
}

function countsOf({ context }: ActorView) {
  return { limit: Number(context['phaseLimit']), taken: Number(context['active']) };
}

function paused(what: string, initiativeId: string): Reason {
  return {
    code: 'paused',
    text: `the initiative is paused: no phase ${what} before it is resumed`,
    refers: [initiativeId],
  };
}
