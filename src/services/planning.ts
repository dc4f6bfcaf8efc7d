import { randomUUID } from 'node:crypto';
import { type EntityManager, type MikroORM, UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import { childId } from '../actors/address.ts';
import type { NewActor, Runtime } from '../actors/runtime.ts';
import { InitiativeProject } from '../db/entities/initiative-project.ts';
import { Initiative } from '../db/entities/initiative.ts';
import { Phase } from '../db/entities/phase.ts';
import type { Project } from '../db/entities/project.ts';
import { Task } from '../db/entities/task.ts';
import { entitySql } from '../db/entity-sql.ts';
import { Refusal } from '../errors.ts';
import type { Hub } from '../git/hub.ts';
import type { Answered, Caller, PlanService } from './contracts.ts';
import { invalidPlan, keyTaken, PlanCheck } from './plan-check.ts';
import type { Plan, PlanPhase } from './plan-schema.ts';
import type { PlanStore } from './plan-store.ts';
import { principalName } from './principal-name.ts';
import { recallAnswer, withRequest } from './requests.ts';
import type { PlanApplied, PlanDocument, PlanReport } from './shapes/plan.ts';

/** Turns plans into rows and actors. */
export class Planning implements PlanService {
  readonly #orm: MikroORM;
  readonly #store: PlanStore;
  readonly #check: PlanCheck;
  readonly #runtime: () => Runtime;

  constructor(deps: { orm: MikroORM; store: PlanStore; hub: Hub; runtime: () => Runtime }) {
    this.#orm = deps.orm;
    this.#store = deps.store;
    this.#check = new PlanCheck(deps);
    this.#runtime = deps.runtime;
  }

  async validate(document: PlanDocument): Promise<PlanReport> {
    return (await this.#check.check(document)).report;
  }

  /** Rows, actors and the stored answer are one transaction. */
  async apply(document: PlanDocument, caller: Caller): Promise<Answered<PlanApplied>> {
    const { plan, report } = await this.#check.check(document);
    if (plan === null || !report.valid) {
      // A repeated request must get its first answer, not be told that its own key is taken.
      const repeated = await recallAnswer<PlanApplied>(entitySql(this.#orm.em.fork()), caller);
      if (repeated !== null) return repeated;
      throw invalidPlan(report);
    }
    const id = randomUUID();
    const answered = await this.#orm.em.fork().transactional(async (em) => {
      const sql = entitySql(em);
      return withRequest<PlanApplied>(sql, caller, async () => {
        const projects = await this.#projects(plan);
        em.create(Initiative, {
          id,
          key: plan.key,
          title: plan.title,
          description: plan.description,
          mode: plan.mode,
          paused: false,
          taskLimit: plan.limits.tasks,
        });
        // The entities have no relations that would order their inserts: the row that the others point at goes first.
        await this.#insertInitiative(em, plan.key);
        for (const { key, strategy } of plan.projects) {
          const projectId = projects.get(key)?.id;
          if (projectId === undefined) throw new Refusal('unknown_project', `no project has the key ${key}`);
          em.create(InitiativeProject, { initiativeId: id, projectId, strategy });
        }
        const actors: NewActor[] = [initiativeActor(id, plan, principalName(caller.principal))];
        const phases = plan.phases.map((phase, index) => {
          const made = addPhase(plan, phase, { initiativeId: id, ordinal: index + 1 });
          em.create(Phase, made.phase);
          for (const task of made.tasks) em.create(Task, task);
          actors.push(...made.actors(principalName(caller.principal)));
          return {
            id: made.phase.id,
            key: phase.key,
            tasks: made.tasks.map((task) => ({ id: task.id, key: task.key })),
          };
        });
        await em.flush();
        await this.#runtime().create(sql, actors);
        return { initiative: { id, key: plan.key }, phases };
      });
    });
    this.#runtime().wake();
    return answered;
  }

  /** Another plan with this key may have been applied since this one was checked. */
  async #insertInitiative(em: EntityManager, key: string): Promise<void> {
    try {
      await em.flush();
    } catch (error) {
      if (!(error instanceof UniqueConstraintViolationException)) throw error;
      throw invalidPlan({ faults: [keyTaken(key)], total: 1 }, error);
    }
  }

  async #projects(plan: Plan): Promise<ReadonlyMap<string, Project>> {
    const wanted = new Set(plan.projects.map(({ key }) => key));
    const all = await this.#store.projects();
    return new Map(all.filter(({ key }) => wanted.has(key)).map((project) => [project.key, project]));
  }
}

function initiativeActor(id: string, plan: Plan, principal: string): NewActor {
  return {
    id,
    machine: 'initiative',
    rootId: id,
    parentId: null,
    principal,
    input: {
      mode: plan.mode,
      phaseLimit: plan.limits.phases,
      phases: plan.phases.length,
      maxAttempts: plan.limits.attempts,
      maxRounds: plan.limits.rounds,
      maxConflicts: plan.limits.conflicts,
      autostart: plan.start,
    },
  };
}

/** The rows and actors of one phase of a plan. */
function addPhase(plan: Plan, phase: PlanPhase, place: { initiativeId: string; ordinal: number }) {
  const id = childId(place.initiativeId, place.ordinal);
  const places = placesOf(phase.tasks);
  const dependsOn = ordinals(phase.dependsOn, placesOf(plan.phases));
  const tasks = phase.tasks.map((task, index) => ({
    id: childId(id, index + 1),
    phaseId: id,
    initiativeId: place.initiativeId,
    ordinal: index + 1,
    key: task.key,
    title: task.title,
    description: task.description,
    category: 'execute' as const,
    priority: task.priority,
    needsReview: task.needsReview,
    capabilities: task.capabilities,
    projects: task.projects,
    dependsOn: ordinals(task.dependsOn, places),
    conflictOf: null,
    resolves: null,
    round: null,
  }));
  return {
    phase: {
      id,
      initiativeId: place.initiativeId,
      ordinal: place.ordinal,
      key: phase.key,
      title: phase.title,
      description: phase.description,
      dependsOn,
    },
    tasks,
    actors: (principal: string): NewActor[] => [
      {
        id,
        machine: 'phase',
        rootId: place.initiativeId,
        parentId: place.initiativeId,
        principal,
        input: {
          ordinal: place.ordinal,
          mode: plan.mode,
          draft: phase.draft,
          dependsOn,
          tasks: tasks.length,
          paused: false,
          maxAttempts: plan.limits.attempts,
          maxRounds: plan.limits.rounds,
          maxConflicts: plan.limits.conflicts,
        },
      },
      ...tasks.map((task) => ({
        id: task.id,
        machine: 'task',
        rootId: place.initiativeId,
        parentId: id,
        principal,
        input: {
          ordinal: task.ordinal,
          category: task.category,
          needsReview: task.needsReview,
          priority: task.priority,
          phaseOpen: false,
          dependsOn: task.dependsOn,
          conflictOf: null,
          resolves: null,
          maxAttempts: plan.limits.attempts,
          maxRounds: plan.limits.rounds,
          maxConflicts: plan.limits.conflicts,
        },
      })),
    ],
  };
}

/** Places (from 1) of keys in a list; a key twice counts once. */
function ordinals(keys: readonly string[], places: ReadonlyMap<string, number>): number[] {
  return [...new Set(keys)].flatMap((key) => places.get(key) ?? []);
}

function placesOf(nodes: readonly { key: string }[]): ReadonlyMap<string, number> {
  return new Map(nodes.map(({ key }, index) => [key, index + 1]));
}
