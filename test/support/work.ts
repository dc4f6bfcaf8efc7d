import path from 'node:path';
import type {
  EventAnswer,
  InitiativeTree,
  Kind,
  PhaseView,
  TaskView,
} from '../../src/services/shapes/actor.ts';
import type { Explanation } from '../../src/services/shapes/explanation.ts';
import type { JournalEntryView, JournalPage } from '../../src/services/shapes/journal.ts';
import type { ReviewView } from '../../src/services/shapes/review.ts';
import type { PlanApplied } from '../../src/services/shapes/plan.ts';
import type { ProjectView } from '../../src/services/shapes/project.ts';
import type { Files } from './fast-import.ts';
import { makeRemote, type Remote } from './remote.ts';
import type { CallOptions, TestService } from './service.ts';
import { until } from './until.ts';

const PATHS = { initiative: 'initiatives', phase: 'phases', task: 'tasks' } as const satisfies Record<
  Kind,
  string
>;

/** A repository outside and the project that it is in the service. */
export interface TestProject {
  readonly key: string;
  readonly remote: Remote;
  /** The service's bare clone. */
  readonly hub: string;
}

export async function addProject(service: TestService, key: string, files?: Files): Promise<TestProject> {
  const remote = await makeRemote(path.join(service.folder, 'remotes'), key, files);
  const { id } = await service.post<ProjectView>('operator', '/v1/projects', { key, remote: remote.dir });
  return { key, remote, hub: path.join(service.hubFolder, `${id}.git`) };
}

export interface TaskPlan {
  readonly key: string;
  readonly title?: string;
  readonly description?: string;
  readonly dependsOn?: readonly string[];
  readonly priority?: number;
  readonly capabilities?: readonly string[];
  readonly needsReview?: boolean;
  readonly projects?: readonly string[];
}

export interface PhasePlan {
  readonly key: string;
  readonly dependsOn?: readonly string[];
  readonly draft?: boolean;
  readonly tasks?: readonly (TaskPlan | string)[];
}

export interface InitiativePlan {
  readonly key?: string;
  readonly mode?: 'yolo' | 'review_per_phase';
  readonly start?: boolean;
  readonly limits?: Readonly<Record<string, number>>;
  readonly projects: readonly (
    | TestProject
    | { readonly project: TestProject; readonly strategy: 'push_branch' | 'merge_and_push' }
  )[];
  readonly phases: readonly PhasePlan[];
}

/** Tasks are claimed in the order of the plan, unless it says otherwise. */
const FIRST_PRIORITY = 80;

/** The plan as it is posted; titles are the keys. */
export function planDocument(plan: InitiativePlan) {
  const key = plan.key ?? 'goal';
  return {
    key,
    title: key,
    mode: plan.mode ?? 'review_per_phase',
    ...(plan.start === undefined ? {} : { start: plan.start }),
    ...(plan.limits === undefined ? {} : { limits: plan.limits }),
    projects: plan.projects.map((entry) =>
      'project' in entry ? { key: entry.project.key, strategy: entry.strategy } : { key: entry.key },
    ),
    phases: plan.phases.map((phase, place) => ({
      title: phase.key,
      ...phase,
      tasks: (phase.tasks ?? []).map((task, at) => ({
        priority: FIRST_PRIORITY - 10 * place - at,
        ...(typeof task === 'string' ? { key: task, title: task } : { title: task.key, ...task }),
      })),
    })),
  };
}

/** An initiative under test, read and moved over HTTP as its people do it. */
export class Work {
  readonly service: TestService;
  readonly id: string;
  readonly key: string;

  constructor(service: TestService, { initiative }: PlanApplied) {
    this.service = service;
    this.id = initiative.id;
    this.key = initiative.key;
  }

  tree(): Promise<InitiativeTree> {
    return this.service.get<InitiativeTree>(`/v1/initiatives/${this.id}`);
  }

  async phase(key: string): Promise<PhaseView> {
    const tree = await this.tree();
    const found = tree.phases.find((phase) => phase.key === key);
    if (found === undefined)
      throw new Error(`no phase ${key} beside ${tree.phases.map((phase) => phase.key).join(', ')}`);
    return found;
  }

  async task(phase: string, key: string): Promise<TaskView> {
    const { tasks } = await this.phase(phase);
    const found = tasks.find((task) => task.key === key);
    if (found === undefined)
      throw new Error(`no task ${key} beside ${tasks.map((task) => task.key).join(', ')}`);
    return found;
  }

  untilTask(phase: string, key: string, state: string): Promise<TaskView> {
    return this.#until(`${phase}/${key}`, state, () => this.task(phase, key));
  }

  untilPhase(key: string, state: string): Promise<PhaseView> {
    return this.#until(key, state, () => this.phase(key));
  }

  untilState(state: string): Promise<InitiativeTree> {
    return this.#until(this.key, state, () => this.tree());
  }

  async tell(
    kind: Kind,
    id: string,
    type: string,
    payload: object = {},
    options: CallOptions & { who?: string } = {},
  ): Promise<EventAnswer> {
    return this.service.post<EventAnswer>(
      options.who ?? defaultWho(type),
      `/v1/${PATHS[kind]}/${id}/events`,
      { type, ...payload },
      options,
    );
  }

  refusalOf(
    kind: Kind,
    id: string,
    type: string,
    payload: object = {},
    options: CallOptions & { who?: string } = {},
  ) {
    return this.service.refusal(
      options.who ?? defaultWho(type),
      'POST',
      `/v1/${PATHS[kind]}/${id}/events`,
      { type, ...payload },
      options,
    );
  }

  review(kind: Kind, id: string): Promise<ReviewView> {
    return this.service.get<ReviewView>(`/v1/${PATHS[kind]}/${id}/review`);
  }

  /** Reads the review as a person does and approves exactly what it serves. */
  async approvePhase(key: string): Promise<EventAnswer> {
    const { id } = await this.untilPhase(key, 'pending_review.open');
    const { heads } = await this.review('phase', id);
    return this.tell('phase', id, 'phase.approve', { heads });
  }

  async approve(strategies: Readonly<Record<string, string>> = {}): Promise<EventAnswer> {
    await this.untilState('pending_review.open');
    const { heads } = await this.review('initiative', this.id);
    return this.tell('initiative', this.id, 'initiative.approve', { heads, strategies });
  }

  async journal(kind: Kind, id: string): Promise<JournalEntryView[]> {
    return (await this.service.get<JournalPage>(`/v1/${PATHS[kind]}/${id}/journal?limit=500`)).entries;
  }

  explain(kind: Kind, id: string): Promise<Explanation> {
    return this.service.get<Explanation>(`/v1/${PATHS[kind]}/${id}/explain`);
  }

  async #until<T extends { kind: Kind; id: string; state: TaskView['state'] }>(
    name: string,
    state: string,
    read: () => Promise<T>,
  ): Promise<T> {
    let last = 'nothing';
    try {
      return await until(
        `${name} to be ${state}`,
        async () => {
          const found = await read();
          last = stateText(found.state);
          return last === state || last.startsWith(`${state}.`) ? found : null;
        },
        { news: () => this.service.news() },
      );
    } catch (error) {
      const waited = error instanceof Error ? error.message : String(error);
      throw new Error(`${waited}; it is ${last}: ${await this.#why(read)}`, { cause: error });
    }
  }

  async #why(read: () => Promise<{ kind: Kind; id: string }>): Promise<string> {
    try {
      const { kind, id } = await read();
      return (await this.explain(kind, id)).reasons.map(({ code, text }) => `${code}: ${text}`).join('; ');
    } catch (error) {
      return String(error);
    }
  }
}

export async function applyPlan(service: TestService, plan: InitiativePlan): Promise<Work> {
  return new Work(service, await service.post<PlanApplied>('operator', '/v1/plans', planDocument(plan)));
}

/** `in_progress.working` */
export function stateText(state: TaskView['state']): string {
  if (typeof state === 'string') return state;
  return Object.entries(state)
    .map(([name, inner]) => `${name}.${stateText(inner as TaskView['state'])}`)
    .join(' ');
}

/** Reviewers decide, operators do the rest. */
function defaultWho(type: string): string {
  return /\.(approve|requestChanges)$/.test(type) ? 'reviewer' : 'operator';
}
