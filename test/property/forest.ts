import type { Random } from '../../src/demo/random.ts';
import type { InitiativeTree, Kind, PhaseView, TaskView } from '../../src/services/shapes/actor.ts';
import type { ReachableService } from './reachable-service.ts';

/** An initiative, a phase or a task, and where it stands. */
export interface Unit {
  readonly kind: Kind;
  readonly id: string;
  readonly key: string;
  /** With the keys of what it is in. */
  readonly name: string;
  readonly state: InitiativeTree['state'];
  readonly tags: readonly string[];
  readonly next: readonly string[];
  /** Keys of the others that it could depend on. */
  readonly siblings: readonly string[];
  readonly tree: InitiativeTree;
}

export function pathOf({ kind, id }: { kind: Kind; id: string }): string {
  return `/v1/${kind}s/${id}`;
}

/** The initiatives that there are. */
export class Forest {
  readonly ids: string[] = [];
  readonly #service: ReachableService;
  readonly #settled = new Set<string>();

  constructor(service: ReachableService) {
    this.#service = service;
  }

  /** Those that were not settled when somebody looked last. */
  get open(): string[] {
    return this.ids.filter((id) => !this.#settled.has(id));
  }

  async tree(id: string, who = 'viewer'): Promise<InitiativeTree> {
    const tree = await this.#service.must<InitiativeTree>(who, {
      method: 'GET',
      path: `/v1/initiatives/${id}`,
    });
    if (tree.tags.includes('settled')) this.#settled.add(id);
    return tree;
  }

  /** All units of one of the open initiatives, as this person sees them. */
  async units(who: string, random: Random): Promise<Unit[]> {
    const { open } = this;
    if (open.length === 0) return [];
    return unitsOf(await this.tree(random.pick(open), who));
  }
}

export function unitsOf(tree: InitiativeTree): Unit[] {
  return [
    { ...tree, name: tree.key, siblings: [], tree },
    ...tree.phases.flatMap((phase) => [
      phaseUnit(tree, phase),
      ...phase.tasks.map((task) => taskUnit(tree, phase, task)),
    ]),
  ];
}

function phaseUnit(tree: InitiativeTree, phase: PhaseView): Unit {
  return { ...phase, name: `${tree.key}/${phase.key}`, siblings: keysBeside(tree.phases, phase), tree };
}

function taskUnit(tree: InitiativeTree, phase: PhaseView, task: TaskView): Unit {
  return {
    ...task,
    name: `${tree.key}/${phase.key}/${task.key}`,
    siblings: keysBeside(phase.tasks, task),
    tree,
  };
}

function keysBeside(all: readonly { key: string }[], one: { key: string }): string[] {
  return all.map(({ key }) => key).filter((key) => key !== one.key);
}
