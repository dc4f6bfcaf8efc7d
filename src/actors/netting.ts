import type { Operation, Plan, PlannedEffect, PlannedRow, PlannedTimer, ArmedTimer } from './plan.ts';
import type { RowWriter } from './row-writer.ts';

/**
 * Turns the operations of one actor's turn into rows, such that no row is written twice: within one SQL statement
 * an INSERT and an UPDATE of the same row change nothing. Armed and disarmed, started and canceled within the turn cancel out.
 */
export function net(operations: readonly Operation[], writers: ReadonlyMap<string, RowWriter>): Plan {
  const effects = new Map<string, PlannedEffect>();
  const canceledEffects = new Set<string>();
  const timers = new Map<string, PlannedTimer>();
  const disarmedTimers = new Map<string, ArmedTimer>();
  const rows = new Map<string, PlannedRow>();
  const plan = { entries: [], born: [], messages: [], quarantines: [] } as {
    -readonly [Key in 'entries' | 'born' | 'messages' | 'quarantines']: Plan[Key][number][];
  };
  for (const operation of operations) {
    switch (operation.op) {
      case 'entry':
        plan.entries.push(operation.entry);
        break;
      case 'born':
        plan.born.push(operation.actor);
        break;
      case 'start':
        effects.set(operation.effect.id, operation.effect);
        break;
      case 'cancel':
        if (!effects.delete(operation.effectId)) canceledEffects.add(operation.effectId);
        break;
      case 'arm':
        timers.set(timerKey(operation.timer), operation.timer);
        break;
      case 'disarm':
        if (!timers.delete(timerKey(operation.timer)))
          disarmedTimers.set(timerKey(operation.timer), operation.timer);
        break;
      case 'tell':
        plan.messages.push(operation.message);
        break;
      case 'quarantine':
        plan.quarantines.push(operation.quarantine);
        break;
      case 'write': {
        const key = rowKey(operation.row, writers) ?? `#${rows.size}`;
        // Deleted first, so that the survivor stands where the last write stood.
        rows.delete(key);
        rows.set(key, operation.row);
      }
    }
  }
  return {
    ...plan,
    effects: [...effects.values()],
    canceledEffects: [...canceledEffects],
    timers: [...timers.values()],
    disarmedTimers: [...disarmedTimers.values()],
    rows: [...rows.values()],
  };
}

function timerKey({ actorId, timerId, armedSeq }: ArmedTimer): string {
  return `${actorId}/${armedSeq}/${timerId}`;
}

/** Null when every row of the writer is kept. Writers that replace each other share the smallest of their names. */
function rowKey(row: PlannedRow, writers: ReadonlyMap<string, RowWriter>): string | null {
  const writer = writers.get(row.writer);
  if (writer === undefined || (writer.key === undefined && writer.replaces === undefined)) return null;
  const family = [writer.name, ...(writer.replaces ?? [])].toSorted()[0];
  return `${family}/${row.actorId}/${writer.key?.(row.params) ?? ''}`;
}
