import type { Move } from '../../../src/actors/scope.ts';
import type { InitiativeContext } from '../../../src/machines/initiative-context.ts';
import type { ReviewMode } from '../../../src/machines/payloads.ts';
import { Family, type Kind, type Member } from './family.ts';
import { checkAlways, checkQuiet } from './invariants.ts';
import { remedy } from './operator.ts';
import { outcomesOf, randomOutcome } from './outcomes.ts';
import { agentEvent, PEOPLE_SEND } from './people.ts';
import { Random } from './random.ts';

/** A plan and how long people interfere with it. */
export interface Scenario {
  readonly seed: number;
  readonly mode: ReviewMode;
  readonly phaseLimit: number;
  /** How many tasks each phase has. */
  readonly phases: readonly number[];
  /** Steps during which anything may happen. */
  readonly steps: number;
  /** How likely a step is an event of a person. */
  readonly meddling: number;
  /** A result that effects which can come to it mostly come to. */
  readonly trouble?: string | undefined;
  /** How many merge tasks a conflict gets. */
  readonly conflicts?: number;
  /** Done once, the first time that a member is in this state. */
  readonly interfere?: {
    readonly kind: Kind;
    readonly path: string;
    readonly act: (family: Family, member: Member) => void;
  };
}

/** How a scenario ended. */
export interface Played {
  readonly family: Family;
  readonly interfered: boolean;
}

/** Enough for every family here; one that is not settled by then waits for ever. */
const MAX_STEPS = 20_000;

/** The slots that one step grants fit under the limit. */
function checkGrants(member: Member, { actions }: Move): void {
  if (member.kind !== 'initiative') return;
  const grants = actions.some(
    ({ type, params }) => type === 'tell' && JSON.stringify(params).includes('slot.granted'),
  );
  const { active, phaseLimit } = member.snapshot.context as InitiativeContext;
  if (grants && active > phaseLimit) throw new Error(`granted ${active} slots of ${phaseLimit}`);
}

function plant(family: Family, random: Random, { mode, phaseLimit, phases, conflicts = 3 }: Scenario): void {
  const older = (count: number) =>
    random.some(
      Array.from({ length: count }, (_, index) => index + 1),
      0.4,
    );
  // The rows of a plan are written together: nobody hears of a sibling before it is there.
  family.begin(() => {
    family.create('i', 'initiative', {
      mode,
      phaseLimit,
      phases: phases.length,
      autostart: false,
      maxAttempts: 2,
      maxRounds: 3,
      maxConflicts: conflicts,
    });
    phases.forEach((tasks, index) => {
      const ordinal = index + 1;
      family.create(`i/${ordinal}`, 'phase', {
        ordinal,
        mode,
        draft: random.chance(0.15),
        dependsOn: older(index),
        tasks,
        paused: false,
        maxAttempts: 2,
        maxRounds: 3,
        maxConflicts: conflicts,
      });
      for (let task = 1; task <= tasks; task += 1) {
        family.create(`i/${ordinal}/${task}`, 'task', {
          ordinal: task,
          category: 'execute',
          needsReview: random.chance(0.2),
          priority: 50,
          phaseOpen: false,
          dependsOn: older(task - 1),
          conflictOf: null,
          resolves: null,
          maxAttempts: 2,
          maxRounds: 3,
          maxConflicts: conflicts,
        });
      }
    });
  });
}

/** One random thing: a message, an effect, an agent, or a person. */
function anything(family: Family, random: Random, { meddling, trouble }: Scenario): void {
  if (random.chance(meddling)) {
    const member = random.pick([...family.members.values()]);
    family.post(member.id, random.pick(PEOPLE_SEND[member.kind])(random, member, family));
    return;
  }
  const channels = family.channels();
  const effects = [...family.effects.values()];
  const tasks = family
    .all('task')
    .filter(({ snapshot }) => snapshot.hasTag('claimable') || snapshot.hasTag('leased'));
  const place = random.below(channels.length + effects.length + tasks.length);
  const channel = channels[place];
  const effect = effects[place - channels.length];
  const task = tasks[place - channels.length - effects.length];
  if (channel !== undefined) family.deliver(channel);
  else if (effect !== undefined) family.finish(effect, randomOutcome(random, effect.src, trouble));
  else if (task !== undefined) family.post(task.id, agentEvent(random, task));
}

/** Everything goes well from here on; returns when nobody has anything left to do. */
function fixEverything(family: Family, random: Random, check: () => void): void {
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const channels = family.channels();
    const effects = [...family.effects.values()];
    if (channels.length + effects.length > 0) {
      const place = random.below(channels.length + effects.length);
      const channel = channels[place];
      const effect = effects[place - channels.length];
      if (channel !== undefined) family.deliver(channel);
      else if (effect !== undefined) family.finish(effect, outcomesOf(effect.src)[0]);
    } else if (![...family.members.values()].some((member) => remedy(family, member))) return;
    check();
  }
  throw new Error(`not at rest after ${MAX_STEPS} steps`);
}

/** Plays a scenario to its end; throws, with the log, when an invariant is broken or somebody waits for ever. */
export function play(scenario: Scenario): Played {
  const { seed, interfere } = scenario;
  const random = new Random(seed);
  const family = new Family(checkGrants);
  let interfered = false;
  const check = () => {
    checkAlways(family);
    if (family.channels().length === 0) checkQuiet(family);
    if (interfere === undefined || interfered) return;
    const member = family.all(interfere.kind).find(({ path }) => path === interfere.path);
    if (member === undefined) return;
    interfered = true;
    interfere.act(family, member);
  };
  try {
    plant(family, random, scenario);
    check();
    family.post('i', { type: 'initiative.start' });
    for (let step = 0; step < scenario.steps; step += 1) {
      check();
      anything(family, random, scenario);
    }
    fixEverything(family, random, check);
    const left = [...family.members.values()].find(({ isSettled }) => !isSettled);
    if (left !== undefined) throw new Error(`${left.id} waits for ever in ${left.path}`);
    return { family, interfered };
  } catch (cause) {
    throw new Error(`${String(cause)}\n${family.log.slice(-60).join('\n')}`, { cause });
  }
}
