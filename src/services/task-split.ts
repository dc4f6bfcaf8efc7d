import type { JsonObject } from '../actors/json.ts';
import type { Runtime } from '../actors/runtime.ts';
import type { SqlPool } from '../actors/sql.ts';
import type { ActorView } from '../actors/view.ts';
import { Refusal } from '../errors.ts';
import { MAX_DEPENDENCIES } from '../machines/payloads.ts';
import { currentLinks } from './current-links.ts';
import type { Split } from './door-events.ts';
import { ordinalByKey, ordinalsOf, refuseKey, refuseProjects } from './plan-changes.ts';
import type { PlanStore } from './plan-store.ts';
import { settledTasksOf } from './split-tasks.ts';
import { tooManyDependencies, WaitingSiblings } from './waiting-siblings.ts';

export interface SplitDeps {
  readonly sql: SqlPool;
  readonly plan: PlanStore;
  readonly runtime: () => Runtime;
}

/** The parts as the machines know them: with what the whole had where they say nothing, and with ordinals or places for keys. */
export async function completeSplit(deps: SplitDeps, actor: ActorView, { into }: Split): Promise<JsonObject> {
  refuseBegun(actor);
  const task = await deps.plan.task(actor.id);
  await refuseProjects(deps.plan, task.initiativeId, into);
  const siblings = await settledTasksOf(deps, task.phaseId);
  await refuseHalfPlanned(deps, task.phaseId);
  const others = ordinalByKey(siblings.filter(({ id }) => id !== task.id));
  const links = (await currentLinks(deps.sql, [task.id])).get(task.id) ?? task.dependsOn;
  const taken = new Set(siblings.map(({ key }) => key));
  const places = new Map<string, number>();
  const parts = into.map((part) => {
    refuseKey(part.key, taken);
    taken.add(part.key);
    const named = part.dependsOn ?? [];
    if (named.length > MAX_DEPENDENCIES) throw tooManyDependencies(part.key);
    const after = named.flatMap((key) => places.get(key) ?? []);
    const beside = ordinalsOf(
      named.filter((key) => !places.has(key)),
      others,
    );
    places.set(part.key, places.size + 1);
    return {
      ...part,
      dependsOn: part.dependsOn === undefined ? [...links] : beside,
      after: [...new Set(after)],
      priority: part.priority ?? Number(actor.context['priority'] ?? task.priority),
      capabilities: part.capabilities ?? [...task.capabilities],
      needsReview: part.needsReview ?? task.needsReview,
      projects: part.projects === undefined ? (task.projects ?? null) : part.projects,
    };
  });
  const waiting = await WaitingSiblings.read(deps.runtime(), siblings);
  const wanted = parts.flatMap(({ key, dependsOn, after }) => waiting.reached(dependsOn, key, after.length));
  waiting.refuseCycle([...new Set(wanted)], task.ordinal);
  waiting.refuseCrowd(wanted, task.ordinal);
  waiting.refuseLoad(task.ordinal, parts.length);
  return { into: parts };
}

/** Only what nobody has begun is split: the commits of an attempt would belong to no part. Refuses with `work_begun`. */
export function refuseBegun({ state, tags, context }: Pick<ActorView, 'state' | 'tags' | 'context'>): void {
  if (tags.includes('settled')) return;
  if (context['category'] !== 'execute') {
    throw new Refusal(
      'work_begun',
      'a merge or revision task answers for one piece of work and is not split',
    );
  }
  if (Number(context['attempt'] ?? 0) === 0) return;
  const where = typeof state === 'string' ? state : Object.keys(state).join('.');
  throw new Refusal(
    'work_begun',
    `its attempt ${Number(context['attempt'])} has begun (it is ${where}): cancel it, which keeps its commits, and add the parts as tasks`,
  );
}

/** Tasks of the plan that are still on their way to the phase have the next ordinals. */
async function refuseHalfPlanned(deps: SplitDeps, phaseId: string): Promise<void> {
  const phase = await deps.runtime().peek(phaseId);
  if (phase === null || Number(phase.context['next']) > Number(phase.context['planned'])) return;
  throw new Refusal('split_under_way', 'the tasks of the plan are not all there yet: send this again');
}
