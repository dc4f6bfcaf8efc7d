import type { AnyStateMachine } from 'xstate';
import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { ActorView } from '../actors/view.ts';
import { Refusal } from '../errors.ts';
import type { Hub } from '../git/hub.ts';
import { machineDefinitions } from '../machines/definitions.ts';
import type { ExplainService } from './contracts.ts';
import { lateWork } from './late-work.ts';
import { unknownCode } from './event-answers.ts';
import { nextFor } from './next-events.ts';
import type { PlanStore } from './plan-store.ts';
import type { Explanation, Kind } from './shapes/actor.ts';

type Reason = Explanation['reasons'][number];

/** Says why something is where it is: from its machine first, then from the rows that it waits for. */
export class Explain implements ExplainService {
  readonly #sql: SqlPool;
  readonly #plan: PlanStore;
  readonly #hub: Hub;
  readonly #runtime: () => Runtime;

  constructor(deps: { sql: SqlPool; plan: PlanStore; hub: Hub; runtime: () => Runtime }) {
    this.#hub = deps.hub;
    this.#sql = deps.sql;
    this.#plan = deps.plan;
    this.#runtime = deps.runtime;
  }

  async explain(kind: Kind, id: string): Promise<Explanation> {
    const actor = await this.#runtime().peek(id);
    if (actor === null || actor.machine !== kind) {
      throw new Refusal(unknownCode(kind), `there is no ${kind} with the id ${id}`);
    }
    const row = await this.#row(kind, id);
    return {
      id,
      kind,
      key: row.key,
      state: actor.state,
      tags: actor.tags,
      since: actor.since.toISOString(),
      sentence: describe(kind, actor),
      reasons: [
        ...quarantine(actor),
        ...failure(actor),
        ...(await this.#dependencies(actor, row.siblings)),
        ...(await this.#children(kind, actor)),
        ...(await this.#lease(actor)),
        ...(await this.#hold(actor)),
        ...(await this.#late(kind, actor)),
        ...(await this.#ready(actor)),
        ...(await this.#effects(actor)),
      ],
      moves: moves(kind, actor),
    };
  }

  async #row(kind: Kind, id: string) {
    switch (kind) {
      case 'initiative':
        return { key: (await this.#plan.initiative(id)).key, siblings: [] };
      case 'phase': {
        const phase = await this.#plan.phase(id);
        return { key: phase.key, siblings: await this.#plan.phasesOf(phase.initiativeId) };
      }
      case 'task': {
        const task = await this.#plan.task(id);
        return { key: task.key, siblings: await this.#plan.tasksOf(task.phaseId) };
      }
    }
  }

  async #dependencies(
    actor: ActorView,
    siblings: readonly { id: string; ordinal: number; key: string }[],
  ): Promise<Reason[]> {
    const pending = actor.context['pending'];
    if (!Array.isArray(pending) || pending.length === 0 || !stateText(actor).startsWith('blocked')) return [];
    const waited = siblings.filter(({ ordinal }) => pending.includes(ordinal));
    const actors = new Map(
      (await this.#runtime().peekMany(waited.map(({ id }) => id))).map((other) => [other.id, other]),
    );
    return waited.map(({ id, key }) => {
      const other = actors.get(id);
      return {
        code: 'waits_for_dependency',
        text: `waits for ${key}, which is ${other === undefined ? 'missing' : stateText(other)}`,
        refers: [id],
      };
    });
  }

  async #children(kind: Kind, actor: ActorView): Promise<Reason[]> {
    if (kind === 'task' || actor.tags.includes('settled')) return [];
    const family = await this.#runtime().listByRoot(actor.rootId);
    const own = family.filter(({ parentId }) => parentId === actor.id);
    const open = own.filter(({ tags }) => !tags.includes('settled'));
    const stuck = open.filter(({ tags }) => tags.includes('needs_you'));
    const reasons: Reason[] = [];
    if (open.length > 0) {
      reasons.push({
        code: 'children_open',
        text: `${own.length - open.length} of ${own.length} ${kind === 'phase' ? 'tasks' : 'phases'} are settled`,
        refers: open.slice(0, 50).map(({ id }) => id),
      });
    }
    for (const child of stuck.slice(0, 20)) {
      reasons.push({
        code: 'child_needs_you',
        text: `a ${child.machine} waits for a person: ${stateText(child)}`,
        refers: [child.id],
      });
    }
    return reasons;
  }

  async #lease(actor: ActorView): Promise<Reason[]> {
    if (!actor.tags.includes('leased')) return [];
    const { rows } = await this.#sql.query<{
      name: string;
      agent_id: string;
      expires_at: Date;
      message: string | null;
    }>(
      `SELECT a.name, l.agent_id, l.expires_at, p.message FROM lease l JOIN agent a ON a.id = l.agent_id
         LEFT JOIN progress p ON p.lease_id = l.lease_id WHERE l.task_id = $1`,
      [actor.id],
    );
    return rows.map((row) => ({
      code: 'leased',
      text: `agent ${row.name} holds the lease until ${row.expires_at.toISOString()} unless it sends a heartbeat${row.message === null ? '' : `; it last said: ${row.message}`}`,
      refers: [row.agent_id],
    }));
  }

  /** Others wait for a task that was outrun too often. */
  async #hold(actor: ActorView): Promise<Reason[]> {
    const { rows } = await this.#sql.query<{ ref: string; until: Date }>(
      `SELECT h.ref, h.until FROM lane_hold h JOIN lease l ON l.lease_id = h.lease_id AND NOT l.expired
        WHERE h.task_id = $1 AND h.until > db_now()`,
      [actor.id],
    );
    return rows.map(({ ref, until }) => ({
      code: 'lane_held',
      text: `it was outrun too often: nothing else is landed on ${ref} until it is handed in, or until ${until.toISOString()}`,
      refers: [],
    }));
  }

  /** Pushes that came after their lease; the next attempt is offered them. */
  async #late(kind: Kind, actor: ActorView): Promise<Reason[]> {
    if (kind !== 'task' || actor.tags.includes('settled')) return [];
    const task = await this.#plan.task(actor.id);
    const late = await lateWork(
      { plan: this.#plan, hub: this.#hub },
      task,
      Number(actor.context['attempt'] ?? 0),
    );
    return late.map(({ project, attempt, commit, ref }) => ({
      code: 'late_work',
      text: `attempt ${attempt} pushed ${commit.slice(0, 12)} to ${project} after its lease: kept at ${ref}`,
      refers: [],
    }));
  }

  async #ready(actor: ActorView): Promise<Reason[]> {
    if (!actor.tags.includes('claimable')) return [];
    const { rows } = await this.#sql.query<{
      paused: boolean;
      capabilities: string[];
      held: number;
      task_limit: number;
      agents: number;
      owned: boolean;
    }>(
      `SELECT i.paused, t.capabilities, i.task_limit,
              (SELECT count(*) FROM lease l WHERE l.initiative_id = i.id)::int AS held,
              (SELECT count(*) FROM agent a WHERE t.capabilities <@ a.capabilities)::int AS agents,
              EXISTS (SELECT 1 FROM landing_intent n JOIN phase p ON p.id = t.phase_id
                       WHERE n.state = 'open' AND n.ref = 'refs/heads/signalbox/' || i.key || '/phase/' || p.key) AS owned
         FROM task t JOIN initiative i ON i.id = t.initiative_id WHERE t.id = $1`,
      [actor.id],
    );
    const row = rows[0];
    if (row === undefined) return [];
    const reasons: Reason[] = [];
    const say = (code: string, text: string) => reasons.push({ code, text, refers: [] });
    if (row.paused) say('paused', 'the initiative is paused: nothing is claimed');
    if (row.held >= row.task_limit)
      say('task_limit', `the initiative allows ${row.task_limit} tasks at once`);
    if (row.owned) say('landing_under_way', 'a landing owns the branch of the phase at this moment');
    if (row.agents === 0) {
      say('no_agent', `no agent is registered that can do ${row.capabilities.join(', ') || 'it'}`);
    }
    if (reasons.length === 0) say('claimable', 'waits for the next agent that asks');
    return reasons;
  }

  async #effects(actor: ActorView): Promise<Reason[]> {
    const { rows } = await this.#sql.query<{
      kind: string;
      state: string;
      attempt: number;
      run_at: Date;
      last_error: { message?: string } | null;
    }>('SELECT kind, state, attempt, run_at, last_error FROM effect WHERE actor_id = $1', [actor.id]);
    return rows.map((row) => ({
      code: `effect_${row.state}`,
      text: `${row.kind} is ${row.state === 'running' ? 'being done' : `to be done from ${row.run_at.toISOString()}`} (run ${row.attempt})${row.last_error?.message === undefined ? '' : `; last: ${row.last_error.message}`}`,
      refers: [],
    }));
  }
}

/** The descriptions of the states it is in, from the outside in. */
function describe(kind: Kind, actor: ActorView): string {
  const machine = machineDefinitions.find(({ name }) => name === kind)?.machine;
  if (machine === undefined) return stateText(actor);
  return path(actor.state)
    .map((_, depth, names) => descriptionAt(machine, names.slice(0, depth + 1)))
    .join(' ')
    .trim();
}

function descriptionAt(machine: AnyStateMachine, names: readonly string[]): string {
  const node = names.reduce<AnyStateMachine['root'] | undefined>(
    (at, name) => at?.states[name],
    machine.root,
  );
  return node?.description ?? '';
}

function path(state: ActorView['state']): string[] {
  if (typeof state === 'string') return [state];
  const [entry] = Object.entries(state);
  return entry === undefined ? [] : [entry[0], ...(entry[1] === undefined ? [] : path(entry[1]))];
}

/** `in_progress.working` */
function stateText(actor: ActorView): string {
  return path(actor.state).join('.');
}

function quarantine(actor: ActorView): Reason[] {
  if (actor.quarantined === null) return [];
  return [
    {
      code: 'quarantined',
      text: `set aside until an operator replays it: ${actor.quarantined.reason}`,
      refers: [],
    },
  ];
}

function failure(actor: ActorView): Reason[] {
  const failed = actor.context['failure'];
  if (typeof failed !== 'object' || failed === null || actor.tags.includes('settled')) return [];
  const { code, message } = failed as { code?: unknown; message?: unknown };
  return [{ code: String(code), text: String(message), refers: [] }];
}

/** Who may send what now. */
function moves(kind: Kind, actor: ActorView): Explanation['moves'] {
  const people = (['operator', 'reviewer'] as const).flatMap((scope) =>
    nextFor(kind, actor.next, scope).map((event) => ({ by: scope, what: eventText(kind, event), event })),
  );
  const catalog = machineDefinitions.find(({ name }) => name === kind)?.events ?? {};
  const machine = actor.tags.includes('claimable')
    ? [{ by: 'agent', what: 'claims the task', event: null }]
    : actor.tags.includes('leased')
      ? [{ by: 'agent', what: 'submits, fails or stops', event: null }]
      : actor.tags.includes('busy') && Object.keys(catalog).length > 0
        ? [{ by: 'service', what: 'goes on by itself', event: null }]
        : [];
  return [...machine, ...people];
}

function eventText(kind: Kind, type: string): string {
  return machineDefinitions.find(({ name }) => name === kind)?.events[type]?.description ?? type;
}
