import { validate } from 'uuid';

import type { Incoming } from './incoming.ts';
import type { JsonObject } from './json.ts';
import { findUnstorableText } from './json.ts';
import { sendersOf } from './next-events.ts';
import type { PostedEvent, Refused } from './outcome.ts';
import type { Registered } from './registry.ts';

/** What can be refused without knowing the actor; null when nothing can. */
export function refuseUnseen(actorId: string, posted: PostedEvent): Refused | null {
  if (!validate(actorId)) return refuse('unknown_actor', 'there is no actor of that id');
  if (!validate(posted.id))
    return refuse('invalid_payload', 'the id of an event must be a uuid', { path: 'id' });
  if (posted.type.startsWith('xstate.'))
    return refuse('unknown_event', 'events of XState itself never come from outside');
  const path =
    findUnstorableText(posted.payload) ??
    findUnstorableText({ type: posted.type, principal: posted.principal });
  if (path === null) return null;
  return refuse(
    'invalid_payload',
    `the text at ${path} holds U+0000 or half a surrogate pair, which can not be stored`,
    { path },
  );
}

/** Lets an event from outside in when the machine declares it, the sender may send it and the payload fits. */
export function admit({ definition }: Registered, posted: PostedEvent): Incoming | Refused {
  const { id, type, payload, sender, principal, ifVersion } = posted;
  const spec = Object.hasOwn(definition.events, type) ? definition.events[type] : undefined;
  if (spec === undefined) return refuse('unknown_event', `a ${definition.name} takes no event "${type}"`);
  if (!sendersOf(sender).some((allowed) => spec.senders.includes(allowed))) {
    return refuse('sender_not_allowed', `"${type}" is for ${spec.senders.join(', ')}, not for ${sender}`);
  }
  const parsed = spec.schema.safeParse(payload);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => ({
      path: path.map(String).join('.'),
      message,
    }));
    return refuse(
      'invalid_payload',
      `the payload of "${type}" does not fit: ${issues.map(({ path, message }) => `${path} ${message}`.trim()).join('; ')}`,
      { issues },
    );
  }
  const incoming = { id, event: { ...asJson(parsed.data), type }, sender, principal, origin: null };
  return ifVersion === undefined ? incoming : { ...incoming, ifVersion };
}

/** Checks a message against the receiver's declaration. What does not fit is its sender's defect, and is shown as such. */
export function admitMessage({ definition }: Registered, incoming: Incoming): Incoming {
  const { type, ...payload } = incoming.event;
  const spec = Object.hasOwn(definition.events, type) ? definition.events[type] : undefined;
  if (!spec?.senders.includes('message'))
    return { ...incoming, fault: `a ${definition.name} takes no message "${type}"` };
  const parsed = spec.schema.safeParse(payload);
  if (parsed.success) return { ...incoming, event: { ...asJson(parsed.data), type } };
  const faults = parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`);
  return { ...incoming, fault: `"${type}": ${faults.join('; ')}` };
}

export function refuse(code: Refused['code'], message: string, details?: JsonObject): Refused {
  return details === undefined
    ? { outcome: 'refused', code, message }
    : { outcome: 'refused', code, message, details };
}

/** As the journal will have it, so that a fold applies the very same event. */
function asJson(data: unknown): JsonObject {
  return JSON.parse(JSON.stringify(data)) as JsonObject;
}
