import type { JsonObject } from '../actors/json.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { Runtime } from '../actors/runtime.ts';
import { Refusal } from '../errors.ts';
import type { Hub } from '../git/hub.ts';
import type { Sender } from '../machines/event-catalog.ts';
import { headsSchema, strategiesSchema } from '../machines/payloads.ts';
import { initiativeEvents } from '../machines/initiative-events.ts';
import { phaseEvents } from '../machines/phase-events.ts';
import { taskEvents } from '../machines/task-events.ts';
import { checkedOutReason } from './checked-out.ts';
import type { PostedTransition, TransitionService } from './contracts.ts';
import { eventAnswer, unknownCode, type Answer } from './event-answers.ts';
import { gitRefusal } from './git-refusal.ts';
import { headsDigest } from './heads.ts';
import { findCycle, isReservedKey } from './plan-faults.ts';
import { ordinals } from './planning.ts';
import type { PlanStore } from './plan-store.ts';
import { principalName } from './principal-name.ts';
import { holdKey } from './requests.ts';
import { readReviewHeads } from './review-heads.ts';
import type { Kind, Replayed } from './shapes/actor.ts';
import type { Principal, Scope } from './shapes/token.ts';
import { getSubmission } from './work-store.ts';

/** What people send comes through here; keys of theirs become ordinals, and approvals are compared with git first. */
export class Transitions implements TransitionService {
  readonly events = { initiative: initiativeEvents, phase: phaseEvents, task: taskEvents };
  readonly #sql: SqlPool;
  readonly #plan: PlanStore;
  readonly #hub: Hub;
  readonly #runtime: () => Runtime;

  constructor(deps: { sql: SqlPool; plan: PlanStore; hub: Hub; runtime: () => Runtime }) {
    this.#sql = deps.sql;
    this.#plan = deps.plan;
    this.#hub = deps.hub;
    this.#runtime = deps.runtime;
  }

  async send(kind: Kind, id: string, event: PostedTransition, principal: Principal): Promise<Answer> {
    const actor = await this.#runtime().peek(id);
    if (actor === null || actor.machine !== kind) {
      throw new Refusal(unknownCode(kind), `there is no ${kind} with the id ${id}`);
    }
    await holdKey(this.#sql, { principal, request: event.request });
    // A repeated event gets its first answer, however far its keys and heads have been overtaken since.
    const payload = (await this.#applied(id, event.eventId)) ?? (await this.#complete(kind, id, event));
    const posted = {
      id: event.eventId,
      type: event.type,
      payload,
      sender: senderOf(principal.scope),
      principal: principalName(principal),
      ...(event.ifVersion === null ? {} : { ifVersion: event.ifVersion }),
    };
    const outcome = await this.#runtime().post(id, posted);
    if (outcome.outcome === 'refused' && outcome.code === 'not_enabled') {
      await this.#explainRefusal(kind, id, event, payload);
    }
    return eventAnswer(outcome, { kind, id, eventId: event.eventId, type: event.type });
  }

  async replay(kind: Kind, id: string): Promise<Replayed> {
    const before = await this.#runtime().peek(id);
    if (before === null || before.machine !== kind) {
      throw new Refusal(unknownCode(kind), `there is no ${kind} with the id ${id}`);
    }
    const outcome = await this.#runtime().replay(id);
    if (outcome === null) {
      throw new Refusal('not_quarantined', `this ${kind} is not set aside: there is nothing to replay`);
    }
    const after = (await this.#runtime().peek(id)) ?? before;
    return {
      outcome: typeof outcome === 'string' ? outcome : outcome.outcome,
      id,
      kind,
      version: after.version,
      state: after.state,
      tags: after.tags,
      quarantined: after.quarantined,
    };
  }

  /** The payload under which this very event is in the journal already. */
  async #applied(id: string, eventId: string): Promise<JsonObject | null> {
    const { rows } = await this.#sql.query<{ event: JsonObject }>(
      `SELECT event - 'type' AS event FROM journal WHERE actor_id = $1 AND event_id = $2`,
      [id, eventId],
      'journal-event',
    );
    return rows[0]?.event ?? null;
  }

  /** What the machine needs beside what people write. A payload of the wrong shape is left for the machine's schema to refuse. */
  async #complete(kind: Kind, id: string, event: PostedTransition): Promise<JsonObject> {
    const payload = event.payload as JsonObject;
    switch (event.type) {
      case 'initiative.approve':
        await this.#refuseStrategies(id, payload['strategies']);
        await this.#refuseMovedHeads('initiative', id, event);
        return withDigest(payload);
      case 'phase.approve':
        await this.#refuseMovedHeads('phase', id, event);
        return withDigest(payload);
      case 'task.approve':
        return this.#withSubmission(id, payload);
      case 'phase.addTask':
        return this.#newTask(id, payload);
      case 'initiative.addPhase':
        return this.#newPhase(id, payload);
      case 'task.relink':
      case 'phase.relink':
        return this.#relink(kind, id, payload);
      default:
        return payload;
    }
  }

  /** The heads of a task are approved under the digest of its submission, which its lease is part of. */
  async #withSubmission(id: string, payload: JsonObject): Promise<JsonObject> {
    const heads = headsSchema.safeParse(payload['heads']);
    if (!heads.success) return payload;
    const actor = await this.#runtime().peek(id);
    const digest = actor?.context['submission'];
    const submission = typeof digest === 'string' ? await getSubmission(this.#sql, id, digest) : null;
    if (submission === null || headsDigest(submission.heads) !== headsDigest(heads.data)) {
      throw new Refusal(
        'heads_not_served',
        'these are not the heads that the task has handed in; read the task again',
      );
    }
    return { ...payload, digest: submission.digest };
  }

  /** The review still serves what it was opened on: somebody has written to the hub beside the service since. */
  async #refuseMovedHeads(kind: 'phase' | 'initiative', id: string, event: PostedTransition): Promise<void> {
    const heads = headsSchema.safeParse(event.payload['heads']);
    const actor = await this.#runtime().peek(id);
    if (!heads.success || actor === null || !actor.next.includes(event.type)) return;
    if (actor.context['heads'] !== headsDigest(heads.data)) return;
    const now = await this.#headsNow(kind, id);
    const moved = Object.keys(now).filter((key) => (now[key] ?? null) !== (heads.data[key] ?? null));
    if (moved.length === 0) return;
    throw new Refusal(
      'heads_moved',
      `${moved.join(', ')} has moved since the review was opened: recheck it, and read the review again`,
      {
        details: { differs: moved, heads: now },
      },
    );
  }

  async #refuseStrategies(id: string, wanted: unknown): Promise<void> {
    const strategies = strategiesSchema.safeParse(wanted ?? {});
    if (!strategies.success) return;
    const linked = await this.#plan.linkedProjects(id);
    for (const [key, strategy] of Object.entries(strategies.data)) {
      const project = linked.find((link) => link.project.key === key)?.project;
      if (project === undefined) {
        throw new Refusal('unknown_project', `the initiative has no project ${key}`);
      }
      if (strategy === 'merge_and_push' && project.checkedOut) {
        throw new Refusal('remote_branch_checked_out', checkedOutReason(project));
      }
    }
  }

  async #newTask(phaseId: string, payload: JsonObject): Promise<JsonObject> {
    const siblings = await this.#plan.tasksOf(phaseId);
    refuseKey(payload['key'], siblings);
    return { ...payload, dependsOn: siblingOrdinals(payload['dependsOn'], siblings) };
  }

  /** The tasks of the new phase may depend on each other: they get the ordinals they are listed in. */
  async #newPhase(initiativeId: string, payload: JsonObject): Promise<JsonObject> {
    const siblings = await this.#plan.phasesOf(initiativeId);
    refuseKey(payload['key'], siblings);
    const tasks = Array.isArray(payload['tasks']) ? (payload['tasks'] as JsonObject[]) : [];
    const keys = tasks.map(({ key }) => String(key));
    for (const [index, key] of keys.entries()) {
      refuseKey(
        key,
        keys.slice(0, index).map((earlier) => ({ key: earlier })),
      );
    }
    return {
      ...payload,
      dependsOn: siblingOrdinals(payload['dependsOn'], siblings),
      ...(tasks.length === 0
        ? {}
        : {
            tasks: tasks.map((task, index) => ({
              ...task,
              // Only what stands before it: a task that is created first can not wait for one that does not exist yet.
              dependsOn: siblingOrdinals(
                task['dependsOn'],
                keys.slice(0, index).map((key, at) => ({ key, ordinal: at + 1 })),
              ),
            })),
          }),
    };
  }

  async #relink(kind: Kind, id: string, payload: JsonObject): Promise<JsonObject> {
    const siblings =
      kind === 'task'
        ? await this.#plan.tasksOf((await this.#plan.task(id)).phaseId)
        : await this.#plan.phasesOf((await this.#plan.phase(id)).initiativeId);
    const dependsOn = siblingOrdinals(payload['dependsOn'], siblings);
    const self = siblings.find((sibling) => sibling.id === id);
    const cycle = findCycle(
      siblings.map((sibling) => ({
        key: String(sibling.ordinal),
        dependsOn: (sibling === self ? dependsOn : sibling.dependsOn).map(String),
      })),
    );
    if (cycle !== null) {
      const names = cycle.map((n) => siblings.find(({ ordinal }) => String(ordinal) === n)?.key ?? n);
      throw new Refusal('dependency_cycle', `these would depend on each other: ${names.join(' > ')}`);
    }
    return { ...payload, dependsOn };
  }

  /** The machine only says that a guard was false; people are told which, where it can be known. */
  async #explainRefusal(kind: Kind, id: string, event: PostedTransition, payload: JsonObject): Promise<void> {
    const actor = await this.#runtime().peek(id);
    if (actor === null || !actor.next.includes(event.type)) return;
    if (event.type.endsWith('.cancel') && payload['dependents'] === undefined) {
      const watchers = actor.context['watchers'];
      if (Array.isArray(watchers) && watchers.length > 0) {
        throw new Refusal(
          'dependents_unstated',
          `${watchers.length} depend on it: say in "dependents" whether to release, cancel or keep them`,
        );
      }
    }
    if (event.type === 'phase.approve' || event.type === 'initiative.approve') {
      const asked = payload['heads'] as Record<string, string | null>;
      const now = await this.#headsNow(kind === 'phase' ? 'phase' : 'initiative', id);
      const moved = Object.keys(now).filter((key) => (now[key] ?? null) !== (asked[key] ?? null));
      throw new Refusal(
        'heads_not_served',
        'these are not the heads that the open review serves; read the review again',
        { details: { differs: moved, heads: now } },
      );
    }
  }

  async #headsNow(kind: 'phase' | 'initiative', id: string) {
    try {
      return (await readReviewHeads({ plan: this.#plan, hub: this.#hub }, kind, id)).heads;
    } catch (error) {
      throw gitRefusal(error);
    }
  }
}

function withDigest(payload: JsonObject): JsonObject {
  const heads = headsSchema.safeParse(payload['heads']);
  return heads.success ? { ...payload, digest: headsDigest(heads.data) } : payload;
}

/** An event is sent in the name of the token's scope; a viewer has none that any event would take. */
function senderOf(scope: Scope): Sender {
  if (scope === 'viewer') {
    throw new Refusal('forbidden', 'a viewer token reads; it can not send events');
  }
  return scope;
}

function refuseKey(key: unknown, siblings: readonly { key: string }[]): void {
  if (typeof key !== 'string') return;
  if (isReservedKey(key)) {
    throw new Refusal(
      'invalid_key',
      `${key}: keys that begin with merge- or revision- and a number are given by the service`,
    );
  }
  if (siblings.some((sibling) => sibling.key === key)) {
    throw new Refusal('key_taken', `there is a ${key} beside it already`);
  }
}

function siblingOrdinals(wanted: unknown, siblings: readonly { key: string; ordinal: number }[]): number[] {
  if (wanted === undefined) return [];
  if (!Array.isArray(wanted) || !wanted.every((key) => typeof key === 'string')) {
    throw new Refusal('invalid_payload', 'dependsOn is a list of keys');
  }
  const byOrdinal = siblings.toSorted((a, b) => a.ordinal - b.ordinal);
  const unknown = wanted.filter((key) => !byOrdinal.some((sibling) => sibling.key === key));
  if (unknown.length > 0) {
    throw new Refusal('unknown_dependency', `there is no ${unknown.join(', ')} beside it`);
  }
  return ordinals(
    wanted,
    byOrdinal.map(({ key }) => key),
  );
}
