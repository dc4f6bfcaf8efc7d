import type { Random } from '../../src/demo/random.ts';
import type { PlanApplied } from '../../src/services/shapes/plan.ts';
import { type Forest, pathOf, type Unit } from './forest.ts';
import type { History } from './history.ts';
import { chance, randomPlan, randomTask, randomTasks, shuffled, someOf } from './plans.ts';
import type { ReachableService } from './reachable-service.ts';

interface Here {
  readonly service: ReachableService;
  readonly forest: Forest;
  readonly history: History;
}

/** Taken rarely: they end things, make more of them, or are offered all the time. */
const RARE = /\.(cancel|waive|addPhase|addTask|rename|reorder|split|reprioritize|relink|pause|sync)$/;
const RARE_CHANCE = 0.12;
/** Taken by reviewers in their own way. */
const DECISIONS = /\.(approve|requestChanges)$/;

/** What a helpful person tries first, then next, when something waits for one. */
const HELPFUL = [
  'start',
  'resume',
  'approvePlan',
  'answer',
  'resumeDelivery',
  'revertDelivery',
  'retry',
  'recheck',
  'relink',
  'waive',
  'cancel',
] as const;

/** Plans, steers and mends, with whatever events a state offers. */
export class Operator {
  readonly name = 'operator';
  readonly #here: Here;
  readonly #projects: readonly string[];
  readonly #atOnce: number;
  /** How often each unit was helped. */
  readonly #helped = new Map<string, number>();

  /** Keeps so many initiatives at work at once. */
  constructor(here: Here, projects: readonly string[], atOnce: number) {
    this.#here = here;
    this.#projects = projects;
    this.#atOnce = atOnce;
  }

  async step(random: Random): Promise<string> {
    if (this.#here.forest.open.length < this.#atOnce && chance(random, 0.6)) return this.plan(random);
    const units = (await this.#here.forest.units(this.name, random)).filter(({ next }) => next.length > 0);
    const waiting = units.filter(({ tags }) => tags.includes('needs_you'));
    if (units.length === 0) return 'steer nothing';
    const unit = random.pick(waiting.length > 0 && chance(random, 0.5) ? waiting : units);
    const events = unit.next.filter(
      (type) => !DECISIONS.test(type) && (!RARE.test(type) || chance(random, RARE_CHANCE)),
    );
    if (events.length === 0) return 'steer nothing';
    const type = random.pick(events);
    return this.#tell(unit, type, payloadOf(type, unit, random));
  }

  async plan(random: Random): Promise<string> {
    const { forest, service, history } = this.#here;
    const body = randomPlan(random, `i${forest.ids.length + 1}`, this.#projects);
    const { initiative } = await service.must<PlanApplied>(this.name, {
      method: 'POST',
      path: '/v1/plans',
      body,
    });
    forest.ids.push(initiative.id);
    history.count(`planned: ${body.mode}`);
    return `plan ${body.key} with ${body.phases.length} phases`;
  }

  /** Moves on one thing that waits for a person; null when nothing does that an operator can help. */
  async help(random: Random): Promise<string | null> {
    const units = await this.#here.forest.units(this.name, random);
    const waiting = units.filter((unit) => unit.tags.includes('needs_you') && !isInReview(unit));
    for (const unit of waiting.toReversed()) {
      const can = HELPFUL.map((what) => `${unit.kind}.${what}`).filter((type) => unit.next.includes(type));
      // What helped in vain is followed by what comes next.
      const tries = this.#helped.get(unit.id) ?? 0;
      const type = can[Math.min(Math.floor(tries / 3), can.length - 1)];
      if (type === undefined) continue;
      this.#helped.set(unit.id, tries + 1);
      const payload = type.endsWith('.relink') ? { dependsOn: [] } : payloadOf(type, unit, random);
      return this.#tell(
        unit,
        type,
        type.endsWith('.cancel') && unit.kind !== 'initiative' ? { dependents: 'release' } : payload,
      );
    }
    return null;
  }

  async #tell(unit: Unit, type: string, payload: object): Promise<string> {
    const answer = await this.#here.service.send(this.name, {
      method: 'POST',
      path: `${pathOf(unit)}/events`,
      body: { type, ...payload },
    });
    const said = answer.ok ? 'accepted' : answer.code;
    this.#here.history.count(`${type}: ${said}`);
    return `${type} ${unit.name} ${JSON.stringify(payload)} ${said}`;
  }
}

/** Then a reviewer is asked, not an operator. */
function isInReview({ state }: Unit): boolean {
  return state === 'pending_review' || (typeof state === 'object' && state['pending_review'] === 'open');
}

/** What an event says; one that is not known here says nothing, and is refused where it has to say something. */
function payloadOf(type: string, { kind, siblings, tree }: Unit, random: Random): object {
  const fresh = `added-${random.between(1, 1_000_000)}`;
  const projects = tree.projects.map(({ key }) => key);
  const what = type.slice(type.indexOf('.') + 1);
  switch (what) {
    case 'rename':
      return { title: `Renamed ${random.between(1, 1_000)}` };
    case 'reprioritize':
      return { priority: random.between(0, 100) };
    case 'relink':
      return { dependsOn: someOf(random, siblings, 0.3) };
    case 'cancel':
      return kind === 'initiative' || chance(random, 0.1)
        ? {}
        : { dependents: random.pick(['release', 'cancel', 'keep'] as const) };
    case 'reorder':
      return { phases: shuffled(random, tree.order) };
    case 'split':
      return {
        into: Array.from({ length: random.between(2, 3) }, (_, part) =>
          randomTask(random, `${fresh}-${part}`, part === 0 ? [] : [`${fresh}-0`], projects),
        ),
      };
    case 'answer':
      return { answer: 'the first one' };
    case 'addTask':
      return randomTask(random, fresh, [], projects);
    case 'addPhase':
      return {
        key: fresh,
        title: `Added as ${fresh}`,
        draft: chance(random, 0.2),
        dependsOn: someOf(
          random,
          tree.phases.map(({ key }) => key),
          0.2,
        ),
        tasks: randomTasks(random, projects),
      };
    default:
      return {};
  }
}
