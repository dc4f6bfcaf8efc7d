import type { Outcome } from '../actors/outcome.ts';
import { Refusal } from '../errors.ts';
import type { EventAnswer, Kind } from './shapes/actor.ts';

export type Answer = Omit<EventAnswer, 'idempotent'>;

/** The runtime's outcome as the answer of a request, or as its refusal. */
export function eventAnswer(
  outcome: Outcome,
  posted: { kind: Kind; id: string; eventId: string; type: string },
): Answer {
  if (outcome.outcome === 'refused') {
    const { code, message, details, version, state, tags, next } = outcome;
    throw new Refusal(code === 'unknown_actor' ? unknownCode(posted.kind) : code, message, {
      details: { ...details, version, state, tags, next },
    });
  }
  if (outcome.outcome === 'rejected' || outcome.first?.outcome === 'rejected') {
    throw new Refusal(
      'event_rejected',
      `${posted.type} could not be worked through: ${outcome.reason ?? 'unknown reason'}`,
      {
        details: { version: outcome.version, state: outcome.state, tags: outcome.tags, next: outcome.next },
      },
    );
  }
  return {
    outcome: outcome.outcome,
    id: posted.id,
    kind: posted.kind,
    eventId: posted.eventId,
    version: outcome.version,
    state: outcome.state,
    tags: outcome.tags,
    next: outcome.next,
  };
}

export function unknownCode(kind: Kind): 'unknown_initiative' | 'unknown_phase' | 'unknown_task' {
  switch (kind) {
    case 'initiative':
      return 'unknown_initiative';
    case 'phase':
      return 'unknown_phase';
    case 'task':
      return 'unknown_task';
  }
}
