import type { SqlPool } from '../../actors/sql.ts';
import type { Reason } from '../shapes/explanation.ts';
import { isPutAside, ordinalsOf, type Subject } from './subject.ts';

interface EffectRow {
  readonly id: string;
  readonly kind: string;
  readonly invoke_id: string;
  readonly state: 'ready' | 'running';
  readonly attempt: number;
  readonly failures: number;
  readonly run_at: Date;
  readonly last_error: { readonly code?: string; readonly message?: string } | null;
}

/** The effects that it has asked for and waits for. */
export async function effectsOf(sql: SqlPool, { actor }: Subject): Promise<Reason[]> {
  const { rows } = await sql.query<EffectRow>(
    'SELECT id, kind, invoke_id, state, attempt, failures, run_at, last_error FROM effect WHERE actor_id = $1 ORDER BY created_at',
    [actor.id],
  );
  return rows.map((row) => {
    const nextTry = row.state === 'running' ? null : row.run_at.toISOString();
    const when = nextTry === null ? 'being done' : `to be done from ${nextTry}`;
    const said = row.last_error?.message;
    return {
      code: `effect_${row.state}`,
      text: `${row.kind} is ${when} (run ${row.attempt})${said === undefined ? '' : `; last: ${said}`}`,
      refers: [],
      effect: {
        id: row.id,
        name: row.kind,
        invoke: row.invoke_id,
        state: row.state,
        attempt: row.attempt,
        failures: row.failures,
        nextTry,
        lastError:
          row.last_error === null
            ? null
            : { code: row.last_error.code ?? null, message: said ?? 'no message' },
      },
    };
  });
}

/** The timers that it has armed. */
export async function timersOf(sql: SqlPool, { actor, path }: Subject): Promise<Reason[]> {
  const { rows } = await sql.query<{ timer_id: string; due_at: Date }>(
    'SELECT timer_id, due_at FROM timer WHERE actor_id = $1 ORDER BY due_at',
    [actor.id],
  );
  const isWaitingThen = isPutAside(path) && ordinalsOf(actor, 'pending').length > 0;
  return rows.map(({ timer_id, due_at }) => {
    const [name, due] = [timerName(timer_id), due_at.toISOString()];
    const text = isWaitingThen
      ? `is put aside until ${due}, and then waits for what it depends on`
      : `goes on by itself at ${due}`;
    return { code: 'timer', text, refers: [], timer: { name, due } };
  });
}

/** XState names a delay by its state too: `xstate.after.deferral.task.deferred`. */
function timerName(id: string): string {
  return /^xstate\.after\.([^.]+)/.exec(id)?.[1] ?? id;
}

/** What it has been told and has not heard yet. */
export async function messagesTo(sql: SqlPool, { actor }: Subject): Promise<Reason[]> {
  const { rows } = await sql.query<{ type: string; waiting: number }>(
    `SELECT event ->> 'type' AS type, count(*)::int AS waiting FROM message WHERE to_id = $1 GROUP BY 1 ORDER BY 1`,
    [actor.id],
  );
  return rows.map(({ type, waiting }) => ({
    code: 'message_on_its_way',
    text: `${type} is on its way to it${waiting === 1 ? '' : ` (${waiting} times)`}`,
    refers: [],
  }));
}
