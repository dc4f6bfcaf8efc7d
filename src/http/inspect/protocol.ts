import type { ActorView } from '../../services/contracts.ts';
import type { FeedEntry } from '../follow-feed.ts';
import { shownContext, shownEvent } from './allowed.ts';

/** The version of @statelyai/inspect whose protocol this speaks; receivers tell inspection events by it. */
const VERSION = '0.7.2';

interface Base {
  readonly _version: typeof VERSION;
  readonly id: string;
  readonly sessionId: string;
  readonly rootId: string;
  /** Milliseconds since 1970, as text. */
  readonly createdAt: string;
}

export interface InspectedSnapshot {
  readonly status: string;
  readonly value: unknown;
  readonly context: Readonly<Record<string, unknown>>;
}

export interface ActorRegistration extends Base {
  readonly type: '@xstate.actor';
  readonly name: string;
  readonly parentId: string | undefined;
  readonly definition: string;
  readonly snapshot: InspectedSnapshot;
}

interface EventNotice extends Base {
  readonly type: '@xstate.event';
  readonly event: { readonly type: string };
  readonly sourceId: string | undefined;
}

interface SnapshotNotice extends Base {
  readonly type: '@xstate.snapshot';
  readonly event: { readonly type: string };
  readonly snapshot: InspectedSnapshot;
}

export type InspectionMessage = ActorRegistration | EventNotice | SnapshotNotice;

/** Session ids are the actors' own ids: stable over restarts, replicas and viewers. */
function base(actorId: string, rootId: string, seq: number, at: Date): Base {
  return {
    _version: VERSION,
    id: `${actorId}:${seq}`,
    sessionId: actorId,
    rootId,
    createdAt: String(at.getTime()),
  };
}

export function registration(view: ActorView, definition: string): ActorRegistration {
  return {
    type: '@xstate.actor',
    ...base(view.id, view.rootId, view.version, view.updatedAt),
    name: view.machine,
    parentId: view.parentId ?? undefined,
    definition,
    snapshot: { status: view.status, value: view.state, context: shownContext(view.context) },
  };
}

/** What one journal entry is to an inspector: the event, and the snapshot it led to when it was applied. */
export function notices(
  entry: FeedEntry,
  context: InspectedSnapshot['context'],
  status: string,
): InspectionMessage[] {
  const common = base(entry.actorId, entry.rootId, entry.seq, entry.at);
  const event = shownEvent(entry.type, entry.event);
  const told: EventNotice = { type: '@xstate.event', ...common, event, sourceId: undefined };
  if (entry.outcome !== 'accepted') return [told];
  return [
    told,
    { type: '@xstate.snapshot', ...common, event, snapshot: { status, value: entry.answer.state, context } },
  ];
}
