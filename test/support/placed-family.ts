import { randomUUID } from 'node:crypto';
import type { AnyEventObject, AnyMachineSnapshot } from 'xstate';
import type { ActorState } from '../../src/actors/actor-state.ts';
import { childId } from '../../src/actors/address.ts';
import { commitStatement } from '../../src/actors/commit.sql.ts';
import type { Incoming } from '../../src/actors/incoming.ts';
import type { JsonObject } from '../../src/actors/json.ts';
import { Registry } from '../../src/actors/registry.ts';
import { persist } from '../../src/actors/snapshot-codec.ts';
import type { Sql } from '../../src/actors/sql.ts';
import { takeTurn } from '../../src/actors/turn.ts';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { rowWriters } from '../../src/services/row-writers/row-writers.ts';
import type { Kind } from '../../src/services/shapes/actor.ts';
import { pathOf } from '../machines/explore.ts';
import { SPACES } from '../machines/spaces.ts';

const registry = new Registry({ definitions: machineDefinitions, effectKinds: [], rowWriters });
const CHILD = { initiative: 'phase', phase: 'task' } as const;
/** Those beside it that the spaces of the machines name. */
const SIBLINGS = [1, 2, 8, 9];

type Context = Readonly<Record<string, unknown>>;

/**
 * An actor whose snapshot comes from the exploration of its machine, in rows that fit it: its plan, its parent, those beside it and
 * in it. From there on it is moved by real turns: the pure step, and the statement that commits it.
 */
export class PlacedFamily {
  readonly kind: Kind;
  readonly id: string;
  readonly key: string;
  readonly #sql: Sql;
  readonly #rootId = randomUUID();
  readonly #parentId: string | null;
  #state: ActorState;
  #version = 1;

  private constructor(sql: Sql, kind: Kind, snapshot: AnyMachineSnapshot) {
    this.#sql = sql;
    this.kind = kind;
    const phaseId = childId(this.#rootId, 3);
    this.id = { initiative: this.#rootId, phase: phaseId, task: childId(phaseId, 3) }[kind];
    this.#parentId = { initiative: null, phase: this.#rootId, task: phaseId }[kind];
    this.key = kind === 'initiative' ? `goal-${this.#rootId.slice(0, 8)}` : `${kind}-3`;
    const effects = Object.fromEntries(Object.keys(snapshot.children).map((name) => [name, randomUUID()]));
    this.#state = { snapshot, effects, timers: {} };
  }

  static async place(sql: Sql, kind: Kind, snapshot: AnyMachineSnapshot): Promise<PlacedFamily> {
    const family = new PlacedFamily(sql, kind, snapshot);
    await family.#writePlan();
    await family.#writeActor(kind, family.id, family.#parentId, persist(family.#state));
    for (const [invoke, id] of Object.entries(family.#state.effects)) {
      await sql.query(
        `INSERT INTO effect (id, actor_id, root_id, invoke_id, kind, input, state, attempt)
         VALUES ($1, $2, $3, $4, $5, '{}', 'running', 1)`,
        [id, family.id, family.#rootId, invoke, String(snapshot.children[invoke]?.src)],
      );
    }
    const { lease, attempt } = snapshot.context as {
      lease?: { id: string; agentId: string } | null;
      attempt?: number;
    };
    if (lease !== undefined && lease !== null) {
      await sql.query(
        `INSERT INTO lease (task_id, lease_id, agent_id, initiative_id, attempt, seconds, expires_at)
         VALUES ($1, $2, $3, $4, $5, 60, db_now() + interval '60 seconds')`,
        [family.id, lease.id, lease.agentId, family.#rootId, attempt],
      );
    }
    return family;
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#state.snapshot;
  }

  /** One turn, committed as the runtime does it. */
  async take(event: AnyEventObject): Promise<void> {
    const { type } = event;
    const invokeId = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(type)?.[1];
    const effectId = invokeId === undefined ? undefined : this.#state.effects[invokeId];
    const incoming: Incoming = {
      id: randomUUID(),
      event,
      sender: 'operator',
      principal: 'test',
      origin:
        invokeId === undefined || effectId === undefined
          ? null
          : { kind: 'effect', effectId, attempt: 1, invokeId },
    };
    const loaded = {
      id: this.id,
      machine: this.kind,
      rootId: this.#rootId,
      parentId: this.#parentId,
      version: this.#version,
      state: this.#state,
      upgradedFrom: null,
    };
    const turn = takeTurn(registry, loaded, [incoming]);
    const { text, values } = commitStatement([turn], registry.rowWriters);
    const { rowCount } = await this.#sql.query(text, values);
    if (rowCount !== 1) throw new Error(`the turn with ${type} did not go through`);
    this.#state = turn.actor.state;
    this.#version = turn.actor.version;
  }

  /** Puts those around it where its context says that they are. */
  async arrange(): Promise<void> {
    const { context } = this.snapshot as { context: Context };
    if (this.kind !== 'task') {
      const isDraining = pathOf(this.snapshot.value) === 'canceling.draining';
      const [settled, stuck] = [Number(context['settled']), Number(context['stuck'])];
      for (let ordinal = 1; ordinal < Number(context['next']); ordinal += 1) {
        const value =
          ordinal <= settled
            ? 'completed'
            : ordinal <= settled + stuck
              ? 'canceling.stuck'
              : 'blocked.waiting';
        // A phase that ends says nothing of a task that is stuck in it.
        if (isDraining && this.kind === 'initiative' && ordinal > settled + stuck) {
          await this.#put('phase', this.id, ordinal, 'canceling.draining', { stuck: 1 });
        } else await this.#put(CHILD[this.kind], this.id, ordinal, value);
      }
    }
    if (this.kind === 'initiative' || this.#parentId === null) return;
    const stranded = context['stranded'] as readonly number[];
    for (const ordinal of SIBLINGS) {
      await this.#put(
        this.kind,
        this.#parentId,
        ordinal,
        stranded.includes(ordinal) ? 'canceled' : 'blocked.waiting',
      );
    }
  }

  async #writePlan(): Promise<void> {
    const phaseId = childId(this.#rootId, 3);
    const key = this.kind === 'initiative' ? this.key : `goal-${this.#rootId.slice(0, 8)}`;
    await this.#sql.query(
      `INSERT INTO initiative (id, key, title, mode, task_limit) VALUES ($1, $2, 'goal', 'yolo', 9)`,
      [this.#rootId, key],
    );
    if (this.kind === 'initiative') return;
    await this.#row('phase', this.#rootId, 3);
    await this.#writeActor('initiative', this.#rootId, null, {
      ...firstOf('initiative'),
      context: { ...(firstOf('initiative').context as object), waiting: [-4, 3, 2], active: 1 },
    });
    if (this.kind === 'phase') return;
    await this.#row('task', phaseId, 3);
    await this.#writeActor('phase', phaseId, this.#rootId, firstOf('phase'));
  }

  async #put(
    kind: 'phase' | 'task',
    parentId: string,
    ordinal: number,
    path: string,
    context: JsonObject = {},
  ): Promise<void> {
    await this.#row(kind, parentId, ordinal);
    const value = path
      .split('.')
      .reduceRight<unknown>((inner, name) => (inner === null ? name : { [name]: inner }), null);
    await this.#writeActor(kind, childId(parentId, ordinal), parentId, {
      ...firstOf(kind),
      value,
      context: { ...(firstOf(kind).context as object), ...context },
    } as JsonObject);
  }

  async #row(kind: 'phase' | 'task', parentId: string, ordinal: number): Promise<void> {
    const common = [childId(parentId, ordinal), this.#rootId, ordinal, `${kind}-${ordinal}`];
    await (kind === 'phase'
      ? this.#sql.query(
          `INSERT INTO phase (id, initiative_id, ordinal, key, title) VALUES ($1, $2, $3, $4, 'a phase') ON CONFLICT DO NOTHING`,
          common,
        )
      : this.#sql.query(
          `INSERT INTO task (id, initiative_id, ordinal, key, phase_id, title, category, priority, needs_review)
           VALUES ($1, $2, $3, $4, $5, 'a task', 'execute', 50, false) ON CONFLICT DO NOTHING`,
          [...common, parentId],
        ));
  }

  async #writeActor(kind: Kind, id: string, parentId: string | null, snapshot: JsonObject): Promise<void> {
    await this.#sql.query(
      `INSERT INTO actor (id, machine, machine_version, version, status, root_id, parent_id, snapshot)
       VALUES ($1, $2, 1, 1, 'active', $3, $4, $5)
       ON CONFLICT (id) DO UPDATE SET snapshot = excluded.snapshot`,
      [id, kind, this.#rootId, parentId, JSON.stringify(snapshot)],
    );
  }
}

/** The first snapshot of a machine, as a row has it. */
function firstOf(kind: Kind): JsonObject {
  const [snapshot] = SPACES[kind].starts;
  if (snapshot === undefined) throw new Error(`nothing is explored of ${kind}`);
  return persist({ snapshot, effects: {}, timers: {} });
}
