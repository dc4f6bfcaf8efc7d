import type { z } from 'zod';

/** Who may send an event. `service`, `message`, `timer` and `effect` never come through the door. */
export type Sender = 'admin' | 'operator' | 'reviewer' | 'agent' | 'service' | 'message' | 'timer' | 'effect';

/** One event a machine takes: the shape of its payload (without `type`), who may send it, what it says. */
export interface EventEntry {
  readonly schema: z.ZodObject;
  readonly senders: readonly Sender[];
  readonly description: string;
}

export type EventCatalog = Readonly<Record<string, EventEntry>>;

/** The union of `{type, ...payload}` of a catalog. */
export type EventOf<C extends EventCatalog> = {
  [K in keyof C & string]: { type: K } & z.infer<C[K]['schema']>;
}[keyof C & string];

/** People who steer the work. */
export const OPERATORS = ['admin', 'operator'] as const;
/** People who judge the work. */
export const REVIEWERS = ['admin', 'reviewer'] as const;
/** Either of them. */
export const PEOPLE = ['admin', 'operator', 'reviewer'] as const;

/** Keeps the literal keys of a catalog. */
export function catalog<C extends EventCatalog>(entries: C): C {
  return entries;
}
