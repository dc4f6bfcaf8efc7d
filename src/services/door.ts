import type { JsonObject } from '../actors/json.ts';
import { sendersOf } from '../actors/next-events.ts';
import type { ActorView } from '../actors/view.ts';
import { Refusal, type RefusalCode } from '../errors.ts';
import type { Sender } from '../machines/event-catalog.ts';
import { doorEvents } from './door-events.ts';
import type { Kind } from './shapes/actor.ts';

/** A body can have a fault in every character; nobody reads more than these. */
const MAX_ISSUES = 100;
const MAX_MESSAGE = 2_000;

/**
 * What was posted, checked before any work is done for it: the event exists, the sender may send it, and the payload has the shape
 * that people write. Refuses with the codes of the runtime, which checks again what it is given.
 */
export function admitAtDoor(
  kind: Kind,
  event: { readonly type: string; readonly payload: Readonly<Record<string, unknown>> },
  sender: Sender,
  actor: ActorView,
): JsonObject {
  const { type, payload } = event;
  const refusal = (code: RefusalCode, message: string, details: object = {}) => {
    const { version, state, tags, next } = actor;
    return new Refusal(code, message, { details: { ...details, version, state, tags, next } });
  };
  const events = doorEvents[kind];
  const entry = Object.hasOwn(events, type) ? events[type] : undefined;
  if (entry === undefined) {
    throw refusal('unknown_event', `${kind === 'initiative' ? 'an' : 'a'} ${kind} takes no event "${type}"`);
  }
  if (!sendersOf(sender).some((allowed) => entry.senders.includes(allowed))) {
    throw refusal('sender_not_allowed', `"${type}" is for ${entry.senders.join(', ')}, not for ${sender}`);
  }
  const parsed = entry.schema.safeParse(payload);
  if (parsed.success) return parsed.data as JsonObject;
  const issues = parsed.error.issues.slice(0, MAX_ISSUES).map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message: message.slice(0, MAX_MESSAGE),
  }));
  const faults = issues.map(({ path, message }) => `${path} ${message}`.trim()).join('; ');
  throw refusal('invalid_payload', `the payload of "${type}" does not fit: ${faults.slice(0, MAX_MESSAGE)}`, {
    issues,
  });
}
