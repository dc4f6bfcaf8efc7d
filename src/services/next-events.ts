import type { EventCatalog } from '../machines/event-catalog.ts';
import { initiativeEvents } from '../machines/initiative-events.ts';
import { phaseEvents } from '../machines/phase-events.ts';
import { taskEvents } from '../machines/task-events.ts';
import type { Kind } from './shapes/actor.ts';
import type { Scope } from './shapes/token.ts';

const CATALOGS: Readonly<Record<Kind, EventCatalog>> = {
  initiative: initiativeEvents,
  phase: phaseEvents,
  task: taskEvents,
};

/** Of the events a state takes, the ones that a token of this scope may send. */
export function nextFor(kind: Kind, next: readonly string[], scope: Scope): string[] {
  const senders: readonly string[] = scope === 'viewer' ? [] : [scope];
  return next.filter((type) => CATALOGS[kind][type]?.senders.some((sender) => senders.includes(sender)));
}
