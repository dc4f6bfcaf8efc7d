import type { JsonObject } from '../actors/json.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { Runtime } from '../actors/runtime.ts';
import type { ActorView } from '../actors/view.ts';
import { Refusal } from '../errors.ts';
import type { Boundary } from '../git/boundary.ts';
import type { Hub } from '../git/hub.ts';
import type { Sender } from '../machines/event-catalog.ts';
import { Approvals } from './approvals.ts';
import type { Comments } from './comments.ts';
import type { PostedTransition, TransitionService } from './contracts.ts';
import { admitAtDoor } from './door.ts';
import {
  doorEvents,
  type NewPhase,
  type NewTask,
  type Relink,
  type Reorder,
  type Split,
} from './door-events.ts';
import { eventAnswer, unknownCode, type Answer } from './event-answers.ts';
import { isPlanChange, PlanChanges } from './plan-changes.ts';
import type { PlanStore } from './plan-store.ts';
import { type Exclusively, PlanTurns } from './plan-turns.ts';
import { principalName } from './principal-name.ts';
import { holdKey } from './requests.ts';
import type { Kind, Replayed } from './shapes/actor.ts';
import type { Principal, Scope } from './shapes/token.ts';
import { completeSplit, refuseBegun, type SplitDeps } from './task-split.ts';

/** What people send comes through here; keys of theirs become ordinals, and approvals are compared with git first. */
export class Transitions implements TransitionService {
  readonly events = doorEvents;
  readonly #sql: SqlPool;
  readonly #runtime: () => Runtime;
  readonly #changes: PlanChanges;
  readonly #approvals: Approvals;
  readonly #comments: Comments;
  readonly #planTurns: PlanTurns;
  readonly #boundary: Boundary;
  readonly #splitDeps: SplitDeps;

  constructor(deps: {
    sql: SqlPool;
    plan: PlanStore;
    hub: Hub;
    runtime: () => Runtime;
    exclusively: Exclusively;
    comments: Comments;
    /** The points of an event at which tests stop it; does nothing in production. */
    boundary: Boundary;
  }) {
    this.#planTurns = new PlanTurns(deps.exclusively);
    this.#splitDeps = deps;
    this.#sql = deps.sql;
    this.#runtime = deps.runtime;
    this.#changes = new PlanChanges(deps);
    this.#approvals = new Approvals(deps);
    this.#comments = deps.comments;
    this.#boundary = deps.boundary;
  }

  async send(kind: Kind, id: string, event: PostedTransition, principal: Principal): Promise<Answer> {
    const sender = senderOf(principal.scope);
    const actor = await this.#known(kind, id);
    await holdKey(this.#sql, { principal, request: event.request });
    const post = () => this.#post(kind, actor, event, sender, principal);
    return isPlanChange(event.type) ? this.#planTurns.take(actor.rootId, post) : post();
  }

  async #post(
    kind: Kind,
    actor: ActorView,
    event: PostedTransition,
    sender: Sender,
    principal: Principal,
  ): Promise<Answer> {
    const { id } = actor;
    // A repeated event gets its first answer, however far its keys and heads have been overtaken since.
    const payload =
      (await this.#applied(id, event.eventId)) ??
      (await this.#complete(kind, actor, event.type, admitAtDoor(kind, event, sender, actor), principal));
    const posted = {
      id: event.eventId,
      type: event.type,
      payload,
      sender,
      principal: principalName(principal),
      ...(event.ifVersion === null ? {} : { ifVersion: event.ifVersion }),
    };
    await this.#boundary('before-event');
    const outcome = await this.#runtime().post(id, posted);
    await this.#boundary('before-answer');
    if (outcome.outcome === 'refused' && outcome.code === 'not_enabled') {
      await this.#explainRefusal(kind, id, event.type, payload);
    }
    return eventAnswer(outcome, { kind, id, eventId: event.eventId, type: event.type });
  }

  async replay(kind: Kind, id: string): Promise<Replayed> {
    const before = await this.#known(kind, id);
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

  async #known(kind: Kind, id: string): Promise<ActorView> {
    const actor = await this.#runtime().peek(id);
    if (actor === null || actor.machine !== kind) {
      throw new Refusal(unknownCode(kind), `there is no ${kind} with the id ${id}`);
    }
    return actor;
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

  /** What the machine needs beside what people write. The payload has the shape that the door asks for. */
  async #complete(
    kind: Kind,
    actor: ActorView,
    type: string,
    payload: JsonObject,
    principal: Principal,
  ): Promise<JsonObject> {
    switch (type) {
      case 'initiative.approve':
        return this.#approvals.ofInitiative(actor, payload);
      case 'phase.approve':
        return this.#approvals.ofPhase(actor, payload);
      case 'task.approve':
        return this.#approvals.ofTask(actor.id, payload);
      case 'initiative.requestChanges':
      case 'phase.requestChanges':
      case 'task.requestChanges':
        return this.#comments.ofRequest(kind, actor, payload, principalName(principal));
      case 'phase.addTask':
        return this.#changes.newTask(actor.id, payload as NewTask);
      case 'initiative.addPhase':
        return this.#changes.newPhase(actor.id, payload as NewPhase);
      case 'initiative.reorder':
        return this.#changes.reorder(actor.id, payload as Reorder);
      case 'task.split':
        return completeSplit(this.#splitDeps, actor, payload as unknown as Split);
      case 'task.relink':
        return this.#changes.relink('task', actor.id, payload as Relink);
      case 'phase.relink':
        return this.#changes.relink('phase', actor.id, payload as Relink);
      default:
        return payload;
    }
  }

  /** The machine only says that a guard was false; people are told which, where it can be known. */
  async #explainRefusal(kind: Kind, id: string, type: string, payload: JsonObject): Promise<void> {
    const actor = await this.#runtime().peek(id);
    if (actor === null) return;
    const { round, maxRounds } = actor.context;
    if (
      type === `${kind}.requestChanges` &&
      actor.next.includes(`${kind}.approve`) &&
      Number(round) >= Number(maxRounds)
    ) {
      throw new Refusal(
        'no_rounds_left',
        `this is round ${Number(round)}, the last that the plan allows: approve, add work, or cancel`,
      );
    }
    if (type === 'task.split') refuseBegun(actor);
    const { resolver } = actor.context;
    if (type === 'initiative.sync' && resolver !== null && actor.next.includes('initiative.pause')) {
      throw new Refusal(
        'merge_under_way',
        `the phase merge-${Number(resolver)} resolves the conflict with the default branches: sync again when it is settled`,
      );
    }
    if (!actor.next.includes(type)) return;
    if (type.endsWith('.cancel') && payload['dependents'] === undefined) {
      const watchers = actor.context['watchers'];
      if (Array.isArray(watchers) && watchers.length > 0) {
        throw new Refusal(
          'dependents_unstated',
          `${watchers.length} depend on it: say in "dependents" whether to release, cancel or keep them`,
        );
      }
    }
    if (kind !== 'task' && type === `${kind}.approve`)
      await this.#approvals.refuseUnserved(kind, id, payload);
  }
}

/** An event is sent in the name of the token's scope; a viewer has none that any event would take. */
function senderOf(scope: Scope): Sender {
  if (scope === 'viewer') {
    throw new Refusal('forbidden', 'a viewer token reads; it can not send events');
  }
  return scope;
}
