import type { Sender } from '../../machines/event-catalog.ts';
import type { Move, Reason } from '../shapes/explanation.ts';
import { type Scope, scopeSchema } from '../shapes/token.ts';
import { lifecycleOf } from './lifecycle.ts';
import { newsFor } from './news.ts';
import type { Subject } from './subject.ts';

/** All that would move it or change something about it: what people and agents may send, and what comes by itself. */
export function movesOf(subject: Subject, reasons: readonly Reason[]): Move[] {
  const { actor } = subject;
  if (actor.quarantined !== null) {
    return [
      {
        kind: 'replay',
        event: null,
        what: 'An operator has what it was set aside for applied again (POST .../replay).',
        by: ['admin', 'operator'],
      },
    ];
  }
  if (actor.tags.includes('settled')) return [];
  return [...byThemselves(reasons), ...byMessages(subject), ...byAgents(subject), ...byPeople(subject)];
}

function byThemselves(reasons: readonly Reason[]): Move[] {
  return reasons.flatMap(({ effect, timer }): Move[] => [
    ...(effect === undefined
      ? []
      : [
          {
            kind: 'effect' as const,
            event: null,
            what: `The service brings ${effect.name} to its end.`,
            by: [],
          },
        ]),
    ...(timer === undefined
      ? []
      : [{ kind: 'timer' as const, event: null, what: `The time until ${timer.due} is over.`, by: [] }]),
  ]);
}

function byMessages({ kind, actor }: Subject): Move[] {
  const lifecycle = lifecycleOf(kind);
  return newsFor(lifecycle, actor).map((event) => ({
    kind: 'message',
    event,
    what: lifecycle.events[event]?.description ?? event,
    by: [],
  }));
}

/** The service sends these for agents, and when a lease is over. */
function byAgents({ kind, actor }: Subject): Move[] {
  const lifecycle = lifecycleOf(kind);
  const types = Object.entries(lifecycle.events)
    .filter(([, { senders }]) => senders.every((sender) => sender === 'service'))
    .map(([type]) => type)
    // Only a lease that ran out can be given back.
    .filter((type) => type !== 'task.regain' || actor.context['lapsed'] !== null);
  return lifecycle.taken(actor, types).map((event) => {
    const what = lifecycle.events[event]?.description ?? event;
    return event === 'lease.expired'
      ? { kind: 'lease', event, what, by: [] }
      : { kind: 'agent', event, what, by: ['agent'] };
  });
}

function byPeople({ kind, actor }: Subject): Move[] {
  const { events } = lifecycleOf(kind);
  return actor.next.map((event) => ({
    kind: 'event',
    event,
    what: events[event]?.description ?? event,
    by: scopesOf(events[event]?.senders ?? []),
  }));
}

function scopesOf(senders: readonly Sender[]): Scope[] {
  return scopeSchema.options.filter((scope) => (senders as readonly string[]).includes(scope));
}
