import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../../src/demo/random.ts';
import { World } from '../crash/world.ts';
import { Agent } from './agent.ts';
import { checkAtRest } from './at-rest.ts';
import { Forest } from './forest.ts';
import { History } from './history.ts';
import { Ledger } from './ledger.ts';
import { Operator } from './operator.ts';
import { Outside } from './outside.ts';
import { CAPABILITIES } from './plans.ts';
import { ReachableService } from './reachable-service.ts';
import { Reviewer } from './reviewer.ts';
import { checkRows } from './rows.ts';

interface Participant {
  readonly name: string;
  step(random: Random): Promise<string>;
}

/** Steps under way at once. */
const AT_ONCE = 4;
/** Initiatives at once, and so many steps allow one more: what is stuck until the end must not leave the agents without work. */
const INITIATIVES_AT_ONCE = 3;
const STEPS_PER_INITIATIVE = 1_000;
/** Steps between two looks at the rows. */
const LOOK_EVERY = 40;
/** Rounds in which everybody helps, at most. */
const HELPFUL_ROUNDS = 250;
/** Who had nothing to do lets others do something first, and who only steers does so too: it is the agents who bring things on. */
const REST_MS = 400;

/** Those who may take the next step; waits until there is one. */
async function awakeOf(
  participants: readonly Participant[],
  underWay: ReadonlyMap<Participant, unknown>,
  resting: ReadonlyMap<Participant, number>,
): Promise<Participant[]> {
  for (;;) {
    const free = participants.filter((participant) => !underWay.has(participant));
    const awake = free.filter((participant) => (resting.get(participant) ?? 0) <= Date.now());
    if (awake.length > 0) return awake;
    await pause(Math.min(...free.map((participant) => resting.get(participant) ?? 0)) - Date.now());
  }
}

/** One run: random steps, then everybody helps, then the checks. */
export class Driver {
  readonly history = new History();
  readonly #random: Random;
  readonly #steps: number;
  readonly world: World;
  readonly #service: ReachableService;
  readonly #forest: Forest;
  readonly #ledger = new Ledger();
  readonly #agents: readonly Agent[];
  readonly #reviewers: readonly Reviewer[];
  readonly #operator: Operator;
  readonly #outside: Outside;

  private constructor(world: World, random: Random, steps: number) {
    const { history } = this;
    this.#random = random;
    this.#steps = steps;
    this.world = world;
    this.#service = new ReachableService(world, history);
    this.#forest = new Forest(this.#service);
    const here = { service: this.#service, forest: this.#forest, ledger: this.#ledger, history };
    this.#agents = ['ann', 'bob', 'cyd', 'dee', 'eli'].map(
      (name, index) => new Agent(name, CAPABILITIES.slice(0, index % 3), { ...here, folder: world.folder }),
    );
    const read = new Map();
    this.#reviewers = ['reviewer', 'reviewer-2'].map((name) => new Reviewer(name, here, read));
    this.#operator = new Operator(
      here,
      world.keys,
      INITIATIVES_AT_ONCE + Math.floor(steps / STEPS_PER_INITIATIVE),
    );
    this.#outside = new Outside(this.#service, this.#ledger, history);
  }

  static async make(seed: number, steps: number): Promise<Driver> {
    const random = new Random(seed);
    return new Driver(await World.make(random.between(1, 3)), random, steps);
  }

  async run(): Promise<void> {
    await this.#prepare();
    this.history.note('the random steps begin');
    await this.#wander(this.#steps);
    this.history.note('everybody helps');
    await this.#windDown();
    this.history.note('the checks at rest begin');
    await checkAtRest({
      world: this.world,
      service: this.#service,
      forest: this.#forest,
      ledger: this.#ledger,
      history: this.history,
    });
    this.history.note('all is well');
  }

  async end(): Promise<void> {
    this.#service.end();
    await this.world.end();
  }

  async #prepare(): Promise<void> {
    await this.#service.prepare(this.#agents.map(({ name }) => name));
    for (const key of this.world.keys) {
      await this.#service.must('operator', {
        method: 'POST',
        path: '/v1/projects',
        body: { key, remote: this.world.remote(key), defaultBranch: 'main' },
      });
    }
    for (const agent of this.#agents) await agent.register();
    await this.#operator.plan(this.#random);
  }

  /** Who is free takes the next step; a step has a seed of its own, so that how long others take changes little. */
  async #wander(steps: number): Promise<void> {
    const participants: Participant[] = [
      ...this.#agents,
      ...this.#agents,
      ...this.#agents,
      ...this.#reviewers,
      ...this.#reviewers,
      this.#operator,
      this.#operator,
      this.#operator,
      this.#outside,
      this.#outside,
    ];
    const bystanders = new Set<Participant>([this.#operator, this.#outside]);
    const underWay = new Map<Participant, Promise<void>>();
    const resting = new Map<Participant, number>();
    const failures: unknown[] = [];
    for (let number = 1; number <= steps && failures.length === 0; number += 1) {
      while (underWay.size >= AT_ONCE) await Promise.race(underWay.values());
      const participant = this.#random.pick(await awakeOf(participants, underWay, resting));
      const random = new Random(this.#random.between(0, 2 ** 32 - 1));
      const step = participant
        .step(random)
        .then((what) => {
          if (what.endsWith(' nothing') || bystanders.has(participant))
            resting.set(participant, Date.now() + REST_MS);
          this.history.step({ number, who: participant.name, what });
        })
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => underWay.delete(participant));
      underWay.set(participant, step);
      if (number % LOOK_EVERY === 0) await checkRows(this.world.database.sql);
    }
    await Promise.all(underWay.values());
    if (failures.length > 0) throw failures[0];
  }

  async #windDown(): Promise<void> {
    await this.#service.settle();
    await this.#outside.calm();
    const helpers = [...this.#agents, ...this.#reviewers, this.#operator];
    for (let round = 1; round <= HELPFUL_ROUNDS; round += 1) {
      const did = await Promise.all(
        helpers.map(async (helper) => {
          const what = await helper.help(new Random(this.#random.between(0, 2 ** 32 - 1)));
          if (what !== null) this.history.step({ number: round, who: `${helper.name}, helping`, what });
          return what !== null;
        }),
      );
      for (const id of this.#forest.open) await this.#forest.tree(id);
      if (this.#forest.open.length === 0) break;
      if (did.some(Boolean)) continue;
      await pause(50);
      // Who is put off, and who left without a word, is waited for by the clock.
      if (round % 5 === 0) await this.#outside.passTime(10, true);
    }
  }
}
