import type { ActorState } from './actor-state.ts';
import type { JsonObject } from './json.ts';
import type { InertScope } from './scope.ts';

/** What can not be read back: a state that no longer exists, or no snapshot at all. */
export class UnreadableSnapshot extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnreadableSnapshot';
  }
}

interface HistoryNode {
  readonly id: string;
}

/** The state as small JSON; members that are empty are left out. */
export function persist(state: ActorState): JsonObject {
  const { status, value, context, output, error, historyValue } = state.snapshot;
  const history = Object.entries(historyValue as Record<string, readonly HistoryNode[]>);
  return {
    status,
    value,
    context,
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
    ...(history.length === 0
      ? {}
      : { history: Object.fromEntries(history.map(([key, nodes]) => [key, nodes.map(({ id }) => id)])) }),
    ...(Object.keys(state.effects).length === 0 ? {} : { effects: state.effects }),
    ...(Object.keys(state.timers).length === 0 ? {} : { timers: state.timers }),
  } as JsonObject;
}

/** The state a JSON holds, without starting anything; throws `UnreadableSnapshot`. */
export function restore(scope: InertScope, json: JsonObject): ActorState {
  const { effects = {}, timers = {}, history = {}, ...parts } = json;
  if (typeof parts.status !== 'string' || parts.value === undefined || !isRecord(parts.context)) {
    throw new UnreadableSnapshot('a snapshot needs status, value and context');
  }
  try {
    const historyValue = Object.fromEntries(
      Object.entries(history as Record<string, readonly string[]>).map(([key, ids]) => [
        key,
        ids.map((id) => ({ id })),
      ]),
    );
    return {
      snapshot: scope.restore({ ...parts, historyValue }, Object.keys(effects as object)),
      effects: effects as Record<string, string>,
      timers: timers as Record<string, number>,
    };
  } catch (cause) {
    throw new UnreadableSnapshot(`the machine has no such state: ${JSON.stringify(parts.value)}`, { cause });
  }
}

function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
