import type { Plan } from './plan.ts';
import type { Parameters } from './recordset.ts';
import type { RowWriter } from './row-writer.ts';

interface GatedPlan {
  /** The actor whose going through carries all of it. */
  readonly gate: string;
  readonly plan: Plan;
}

/** The relation of actors that went through, which every writing section joins. */
const THROUGH = 'r.gate IN (SELECT id FROM gone)';

/** The writing sections of a commit: each inserts or deletes only for actors in `gone`. The first is the relation `entry`. */
export function planSections(
  plans: readonly GatedPlan[],
  writers: ReadonlyMap<string, RowWriter>,
  parameters: Parameters,
): string[] {
  const sections: string[] = [];
  const all = <Key extends keyof Plan>(key: Key) =>
    plans.flatMap(({ gate, plan }) =>
      (plan[key] as readonly Plan[Key][number][]).map((item) => ({ gate, item })),
    );
  const relation = (columns: Record<string, string>, rows: readonly object[]) =>
    `(${parameters.rows({ gate: 'uuid', ...columns }, rows)})`;

  const entryColumns = {
    actor_id: 'uuid',
    seq: 'bigint',
    event_id: 'uuid',
    root_id: 'uuid',
    machine: 'text',
    type: 'text',
    event: 'jsonb',
    sender: 'text',
    principal: 'text',
    outcome: 'text',
    answer: 'jsonb',
    effect_id: 'uuid',
    origin: 'jsonb',
  };
  const entryRows = all('entries').map(({ gate, item }) => ({
    gate,
    actor_id: item.actorId,
    seq: item.seq,
    event_id: item.eventId,
    root_id: item.rootId,
    machine: item.machine,
    type: item.type,
    event: item.event,
    sender: item.sender,
    principal: item.principal,
    outcome: item.outcome,
    answer: item.answer,
    effect_id: item.effectId,
    origin: item.origin,
  }));
  sections.push(`entry AS MATERIALIZED ${relation(entryColumns, entryRows)}`);
  sections.push(`journaled AS (${insert('journal', entryColumns, 'entry r')})`);

  const born = all('born').map(({ gate, item }) => ({
    gate,
    id: item.id,
    machine: item.machine,
    machine_version: item.machineVersion,
    version: item.version,
    status: item.status,
    root_id: item.rootId,
    parent_id: item.parentId,
    snapshot: item.snapshot,
  }));
  if (born.length > 0) {
    const columns = {
      id: 'uuid',
      machine: 'text',
      machine_version: 'integer',
      version: 'bigint',
      status: 'text',
      root_id: 'uuid',
      parent_id: 'uuid',
      snapshot: 'jsonb',
    };
    sections.push(`born AS (${insert('actor', columns, `${relation(columns, born)} r`)})`);
  }

  const effects = all('effects').map(({ gate, item }) => ({
    gate,
    id: item.id,
    actor_id: item.actorId,
    root_id: item.rootId,
    invoke_id: item.invokeId,
    kind: item.kind,
    input: item.input,
  }));
  if (effects.length > 0) {
    const columns = {
      id: 'uuid',
      actor_id: 'uuid',
      root_id: 'uuid',
      invoke_id: 'text',
      kind: 'text',
      input: 'jsonb',
    };
    sections.push(`started AS (${insert('effect', columns, `${relation(columns, effects)} r`)})`);
  }

  const canceled = all('canceledEffects').map(({ gate, item }) => ({ gate, id: item }));
  if (canceled.length > 0) {
    sections.push(
      `canceled AS (DELETE FROM effect f USING ${relation({ id: 'uuid' }, canceled)} r WHERE f.id = r.id AND ${THROUGH})`,
    );
  }

  const timers = all('timers').map(({ gate, item }) => ({
    gate,
    actor_id: item.actorId,
    timer_id: item.timerId,
    armed_seq: item.armedSeq,
    root_id: item.rootId,
    event: item.event,
    delay_ms: item.delayMs,
  }));
  if (timers.length > 0) {
    const columns = {
      actor_id: 'uuid',
      timer_id: 'text',
      armed_seq: 'bigint',
      root_id: 'uuid',
      event: 'jsonb',
      delay_ms: 'double precision',
    };
    sections.push(
      `armed AS (INSERT INTO timer (actor_id, timer_id, armed_seq, root_id, event, due_at)
  SELECT r.actor_id, r.timer_id, r.armed_seq, r.root_id, r.event, db_now() + r.delay_ms * interval '1 millisecond'
  FROM ${relation(columns, timers)} r WHERE ${THROUGH})`,
    );
  }

  const disarmed = all('disarmedTimers').map(({ gate, item }) => ({
    gate,
    actor_id: item.actorId,
    timer_id: item.timerId,
    armed_seq: item.armedSeq,
  }));
  if (disarmed.length > 0) {
    const columns = { actor_id: 'uuid', timer_id: 'text', armed_seq: 'bigint' };
    sections.push(
      `disarmed AS (DELETE FROM timer t USING ${relation(columns, disarmed)} r
  WHERE t.actor_id = r.actor_id AND t.timer_id = r.timer_id AND t.armed_seq = r.armed_seq AND ${THROUGH})`,
    );
  }

  const messages = all('messages').map(({ gate, item }) => ({
    gate,
    id: item.id,
    from_id: item.fromId,
    to_id: item.toId,
    seq: item.seq,
    place: item.place,
    root_id: item.rootId,
    event: item.event,
  }));
  if (messages.length > 0) {
    const columns = {
      id: 'uuid',
      from_id: 'uuid',
      to_id: 'uuid',
      seq: 'bigint',
      place: 'integer',
      root_id: 'uuid',
      event: 'jsonb',
    };
    sections.push(`told AS (${insert('message', columns, `${relation(columns, messages)} r`)})`);
  }

  const quarantines = all('quarantines').map(({ gate, item }) => ({
    gate,
    id: item.id,
    actor_id: item.actorId,
    root_id: item.rootId,
    reason: item.reason,
    input: item.input,
  }));
  if (quarantines.length > 0) {
    const columns = { id: 'uuid', actor_id: 'uuid', root_id: 'uuid', reason: 'text', input: 'jsonb' };
    sections.push(
      `set_aside AS (${insert('actor_quarantine', columns, `${relation(columns, quarantines)} r`)})`,
    );
  }

  return [...sections, ...writerSections(plans, writers, parameters)];
}

function insert(table: string, columns: Readonly<Record<string, string>>, from: string): string {
  const names = Object.keys(columns);
  return `INSERT INTO ${table} (${names.join(', ')}) SELECT ${names.map((name) => `r.${name}`).join(', ')} FROM ${from} WHERE ${THROUGH}`;
}

const WRITER_COLUMNS = {
  actor_id: 'uuid',
  root_id: 'uuid',
  parent_id: 'uuid',
  seq: 'bigint',
  child_id: 'uuid',
  effect_id: 'uuid',
};

function writerSections(
  plans: readonly GatedPlan[],
  writers: ReadonlyMap<string, RowWriter>,
  parameters: Parameters,
): string[] {
  const rows = plans.flatMap(({ gate, plan }) => plan.rows.map((row) => ({ gate, row })));
  // In the order of registration, so that the same set of writers gives the same text and is prepared once.
  return [...writers.values()].flatMap((writer, index) => {
    const own = rows.filter(({ row }) => row.writer === writer.name);
    if (own.length === 0) return [];
    const columns = { ...WRITER_COLUMNS, ...writer.columns };
    const values = own.map(({ gate, row }) => ({
      ...Object.fromEntries(Object.keys(writer.columns).map((name) => [name, row.params[name] ?? null])),
      gate,
      actor_id: row.actorId,
      root_id: row.rootId,
      parent_id: row.parentId,
      seq: row.seq,
      child_id: row.childId,
      effect_id: row.effectId,
    }));
    const names = Object.keys(columns).map((name) => `r."${name}"`);
    const relation = parameters.rows({ gate: 'uuid', ...columns }, values);
    return [
      `rows_${index} AS (SELECT ${names.join(', ')} FROM (${relation}) r WHERE ${THROUGH})`,
      `written_${index} AS (${writer.statement(`rows_${index}`)})`,
    ];
  });
}
