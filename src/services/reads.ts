import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { ActorView } from '../actors/view.ts';
import type { Initiative } from '../db/entities/initiative.ts';
import type { Phase } from '../db/entities/phase.ts';
import type { Task } from '../db/entities/task.ts';
import { Refusal } from '../errors.ts';
import { initiativeBranch, phaseBranch, taskBranch } from './branch-names.ts';
import type { ReadService } from './contracts.ts';
import { currentLinks } from './current-links.ts';
import { deliveriesOf } from './delivery-records.ts';
import { unknownCode } from './event-answers.ts';
import type { Heads } from './heads.ts';
import { landingsOf } from './landings.ts';
import { waitingPhases } from './phase-order.ts';
import type { LinkedProject, PlanStore } from './plan-store.ts';
import type { InitiativeTree, InitiativeView, Kind, PhaseView, TaskView } from './shapes/actor.ts';
import type { JournalPage } from './shapes/journal.ts';
import type { LandingView } from './shapes/landing.ts';
import { toEntryView } from './journal-view.ts';
import { nextFor } from './next-events.ts';
import { openQuestions } from './open-questions.ts';
import type { Principal } from './shapes/token.ts';
import { partsIn } from './split-tasks.ts';

/** What people and programs read: plans and where their actors stand. */
export class Reads implements ReadService {
  readonly #sql: SqlPool;
  readonly #plan: PlanStore;
  readonly #runtime: () => Runtime;

  constructor(deps: { sql: SqlPool; plan: PlanStore; runtime: () => Runtime }) {
    this.#sql = deps.sql;
    this.#plan = deps.plan;
    this.#runtime = deps.runtime;
  }

  async initiatives(principal: Principal): Promise<InitiativeView[]> {
    const all = await this.#plan.initiatives();
    const actors = await this.#actors(all.map(({ id }) => id));
    const titles = await this.#titles(all.map(({ id }) => id));
    const view = async (initiative: Initiative) => {
      const linked = await this.#plan.linkedProjects(initiative.id);
      return this.#initiativeView(initiative, linked, { actors, titles, principal });
    };
    return Promise.all(all.map(view));
  }

  async initiative(id: string, principal: Principal): Promise<InitiativeTree> {
    const initiative = await this.#plan.initiative(id);
    const phases = await this.#plan.phasesOf(id);
    const tasks = await this.#plan.tasksOfInitiative(id);
    const actors = new Map((await this.#runtime().listByRoot(id)).map((actor) => [actor.id, actor]));
    const titles = await this.#titles([id, ...phases.map((p) => p.id), ...tasks.map((t) => t.id)]);
    const linked = await this.#plan.linkedProjects(id);
    const projects = linked.map(({ project }) => project.key);
    const questions = await openQuestions(this.#sql, asking(tasks, actors));
    const submissions = await this.#submissions(tasks, actors);
    const links = await currentLinks(this.#sql, [...actors.keys()]);
    const look = { actors, titles, principal, projects, questions, submissions, links };
    return {
      ...(await this.#initiativeView(initiative, linked, look)),
      order: waitingPhases(phases, [...actors.values()]).map(({ key }) => key),
      phases: phases.map((phase) => phaseView(initiative, phase, phases, tasks, look)),
    };
  }

  async phase(id: string, principal: Principal): Promise<PhaseView> {
    const { initiativeId } = await this.#plan.phase(id);
    const tree = await this.initiative(initiativeId, principal);
    return tree.phases.find((phase) => phase.id === id) ?? unknown('phase', id);
  }

  async task(id: string, principal: Principal): Promise<TaskView> {
    const { phaseId } = await this.#plan.task(id);
    const phase = await this.phase(phaseId, principal);
    return phase.tasks.find((task) => task.id === id) ?? unknown('task', id);
  }

  async journal(kind: Kind, id: string, page: { after: number; limit: number }): Promise<JournalPage> {
    const actor = await this.#runtime().peek(id);
    if (actor === null || actor.machine !== kind) return unknown(kind, id);
    const entries = await this.#runtime().journal(id, page);
    return {
      entries: entries.map(toEntryView),
      next: entries.at(-1)?.seq ?? page.after,
    };
  }

  async landings(initiativeId: string): Promise<LandingView[]> {
    await this.#plan.initiative(initiativeId);
    return landingsOf(this.#sql, initiativeId);
  }

  async #initiativeView(
    initiative: Initiative,
    linked: readonly LinkedProject[],
    { actors, titles, principal }: Pick<Look, 'actors' | 'titles' | 'principal'>,
  ): Promise<InitiativeView> {
    const actor = actors.get(initiative.id) ?? unknown('initiative', initiative.id);
    const deliveries = await deliveriesOf(this.#sql, initiative.id);
    return {
      ...actorView(actor, 'initiative', initiative, titles, principal),
      description: initiative.description,
      mode: initiative.mode,
      branch: initiativeBranch(initiative.key),
      projects: linked.map(({ project, strategy }) => ({
        key: project.key,
        strategy,
        delivery: deliveries.get(project.id) ?? null,
      })),
      failure: failureOf(actor),
    };
  }

  async #actors(ids: readonly string[]): Promise<ReadonlyMap<string, ActorView>> {
    return new Map((await this.#runtime().peekMany(ids)).map((actor) => [actor.id, actor]));
  }

  async #titles(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#sql.query<{ unit_id: string; title: string }>(
      'SELECT unit_id, title FROM renamed WHERE unit_id = ANY($1::uuid[])',
      [ids],
    );
    return new Map(rows.map(({ unit_id, title }) => [unit_id, title]));
  }

  /** What tasks have handed in last. */
  async #submissions(
    tasks: readonly Task[],
    actors: ReadonlyMap<string, ActorView>,
  ): Promise<ReadonlyMap<string, Heads>> {
    const digests = tasks.map(({ id }) => actors.get(id)?.context['submission'] ?? null);
    const { rows } = await this.#sql.query<{ task_id: string; heads: Heads }>(
      `SELECT s.task_id, s.heads FROM submission s
         JOIN unnest($1::uuid[], $2::text[]) AS wanted(task_id, digest) USING (task_id, digest)`,
      [tasks.map(({ id }) => id), digests],
    );
    return new Map(rows.map(({ task_id, heads }) => [task_id, heads]));
  }
}

interface Look {
  readonly actors: ReadonlyMap<string, ActorView>;
  readonly titles: ReadonlyMap<string, string>;
  readonly principal: Principal;
  readonly projects: readonly string[];
  readonly questions: ReadonlyMap<string, string>;
  readonly submissions: ReadonlyMap<string, Heads>;
  readonly links: ReadonlyMap<string, readonly number[]>;
}

function phaseView(
  initiative: Initiative,
  phase: Phase,
  phases: readonly Phase[],
  tasks: readonly Task[],
  look: Look,
): PhaseView {
  const actor = look.actors.get(phase.id) ?? unknown('phase', phase.id);
  const own = tasks.filter((task) => task.phaseId === phase.id);
  return {
    ...actorView(actor, 'phase', phase, look.titles, look.principal),
    ordinal: phase.ordinal,
    initiativeId: initiative.id,
    description: phase.description,
    dependsOn: keysOf(look.links.get(phase.id) ?? phase.dependsOn, phases),
    branch: phaseBranch(initiative.key, phase.key),
    round: Number(actor.context['round'] ?? 1),
    failure: failureOf(actor),
    tasks: own.map((task) => taskView(initiative, phase, task, own, look)),
  };
}

/** The tasks whose agents wait for an answer. */
function asking(tasks: readonly Task[], actors: ReadonlyMap<string, ActorView>): string[] {
  return tasks
    .map(({ id }) => id)
    .filter((id) => JSON.stringify(actors.get(id)?.state ?? null).includes('asking'));
}

function taskView(
  initiative: Initiative,
  phase: Phase,
  task: Task,
  siblings: readonly Task[],
  look: Look,
): TaskView {
  const actor = look.actors.get(task.id) ?? unknown('task', task.id);
  return {
    ...actorView(actor, 'task', task, look.titles, look.principal),
    ordinal: task.ordinal,
    phaseId: phase.id,
    initiativeId: initiative.id,
    description: task.description,
    category: task.category,
    priority: Number(actor.context['priority'] ?? task.priority),
    dependsOn: keysOf(withParts(look.links.get(task.id) ?? task.dependsOn, siblings, look), siblings),
    splitInto: keysOf(partsOf(task, look), siblings),
    projects: [...(task.projects ?? look.projects)],
    branch: taskBranch(initiative.key, phase.key, task.key),
    attempt: Number(actor.context['attempt'] ?? 0),
    question: look.questions.get(task.id) ?? null,
    heads: headsOf(look.submissions.get(task.id)),
    failure: failureOf(actor),
  };
}

/** Whoever waited for a task that was split waits for its parts. */
function withParts(ordinals: readonly number[], siblings: readonly Task[], look: Look): number[] {
  const all = ordinals.flatMap((ordinal) => {
    const task = siblings.find((sibling) => sibling.ordinal === ordinal);
    const parts = task === undefined ? [] : partsOf(task, look);
    return parts.length === 0 ? [ordinal] : withParts(parts, siblings, look);
  });
  return [...new Set(all)];
}

function partsOf(task: Task, look: Look): readonly number[] {
  return partsIn(look.actors.get(task.id)?.context['parts']);
}

function actorView(
  actor: ActorView,
  kind: Kind,
  row: { key: string; title: string },
  titles: ReadonlyMap<string, string>,
  principal: Principal,
) {
  return {
    id: actor.id,
    kind,
    key: row.key,
    title: titles.get(actor.id) ?? row.title,
    state: actor.state,
    tags: actor.tags,
    version: actor.version,
    next: nextFor(kind, actor.next, principal.scope),
    since: actor.since.toISOString(),
    quarantined: actor.quarantined,
  };
}

function failureOf(actor: ActorView): { code: string; message: string } | null {
  const failure = actor.context['failure'];
  if (typeof failure !== 'object' || failure === null || Array.isArray(failure)) return null;
  const { code, message } = failure as { code?: unknown; message?: unknown };
  return { code: String(code), message: String(message) };
}

function headsOf(heads: Heads | undefined): Record<string, string | null> | null {
  return heads === undefined ? null : { ...heads };
}

function keysOf(
  ordinals: readonly number[],
  siblings: readonly { ordinal: number; key: string }[],
): string[] {
  return ordinals.flatMap((n) => siblings.find(({ ordinal }) => ordinal === n)?.key ?? []);
}

function unknown(kind: Kind, id: string): never {
  throw new Refusal(unknownCode(kind), `there is no ${kind} with the id ${id}`);
}
