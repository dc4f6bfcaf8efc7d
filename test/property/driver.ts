import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../../src/demo/random.ts';
import type { Explanation, InitiativeTree } from '../../src/services/shapes/actor.ts';
import { World } from '../crash/world.ts';
import { Agent } from './agent.ts';
import { Forest, pathOf, type Unit, unitsOf } from './forest.ts';
import { GitFacts } from './git-facts.ts';
import { BrokenInvariant, History } from './history.ts';
import { Ledger } from './ledger.ts';
import { Operator } from './operator.ts';
import { Outside } from './outside.ts';
import { CAPABILITIES } from './plans.ts';
import { ReachableService } from './reachable-service.ts';
import { Reviewer } from './reviewer.ts';
import { checkRows, checkRowsAtRest, countUnderWay } from './rows.ts';

interface Participant {
  readonly name: string;
  step(random: Random): Promise<string>;
}

/** Steps under way at once. */
const AT_ONCE = 4;
/** Steps between two looks at the rows. */
const LOOK_EVERY = 40;
/** Rounds in which everybody helps, at most. */
const HELPFUL_ROUNDS = 250;
const REST_MS = 60_000;

/** One run: random steps, then everybody helps, then the checks. */
export class Driver {
  readonly history = new History();
  readonly #random: Random;
  readonly #world: World;
  readonly #service: ReachableService;
  readonly #forest: Forest;
  readonly #ledger = new Ledger();
  readonly #facts: GitFacts;
  readonly #agents: readonly Agent[];
  readonly #reviewers: readonly Reviewer[];
  readonly #operator: Operator;
  readonly #outside: Outside;

  private constructor(world: World, random: Random) {
    const { history } = this;
    this.#random = random;
    this.#world = world;
    this.#service = new ReachableService(world, history);
    this.#forest = new Forest(this.#service);
    this.#facts = new GitFacts(world, this.#ledger, history);
    const here = { service: this.#service, forest: this.#forest, ledger: this.#ledger, history };
    this.#agents = ['ann', 'bob', 'cyd', 'dee', 'eli'].map(
      (name, index) => new Agent(name, CAPABILITIES.slice(0, index % 3), { ...here, folder: world.folder }),
    );
    const read = new Map();
    this.#reviewers = ['reviewer', 'reviewer-2'].map((name) => new Reviewer(name, here, read));
    this.#operator = new Operator(here, world.keys);
    this.#outside = new Outside(this.#service, history);
  }

  static async make(seed: number): Promise<Driver> {
    const random = new Random(seed);
    return new Driver(await World.make(random.between(1, 3)), random);
  }

  async run(steps: number): Promise<void> {
    await this.#prepare();
    await this.#wander(steps);
    await this.#windDown();
    await this.#checkAtRest();
  }

  async end(): Promise<void> {
    this.#service.end();
    await this.#world.end();
  }

  /** What the journals say last of whatever is not settled. */
  async lastEvents(): Promise<string> {
    const { rows } = await this.#world.database.sql.query<{ line: string }>(
      `SELECT left(j.at::time || ' ' || j.machine || ' ' || coalesce(t.key, p.key, i.key) || ' ' || j.seq || ' ' || j.type || ' ' || j.outcome
              || ' by ' || j.sender || ' -> ' || (a.snapshot ->> 'value') || ' ' || j.event::text, 400) AS line
         FROM journal j JOIN actor a ON a.id = j.actor_id
         LEFT JOIN task t ON t.id = a.id LEFT JOIN phase p ON p.id = a.id LEFT JOIN initiative i ON i.id = a.id
        ORDER BY j.xid DESC, j.at DESC, j.actor_id, j.seq DESC LIMIT 80`,
    );
    return rows
      .map(({ line }) => line)
      .toReversed()
      .join('\n');
  }

  async #prepare(): Promise<void> {
    await this.#service.prepare(this.#agents.map(({ name }) => name));
    for (const key of this.#world.keys) {
      await this.#service.must('operator', {
        method: 'POST',
        path: '/v1/projects',
        body: { key, remote: this.#world.remote(key), defaultBranch: 'main' },
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
    ];
    const underWay = new Map<Participant, Promise<void>>();
    for (let number = 1; number <= steps; number += 1) {
      while (underWay.size >= AT_ONCE) await Promise.race(underWay.values());
      const free = participants.filter((participant) => !underWay.has(participant));
      const participant = this.#random.pick(free);
      const random = new Random(this.#random.between(0, 2 ** 32 - 1));
      const step = participant.step(random).then((what) => {
        underWay.delete(participant);
        this.history.step({ number, who: participant.name, what });
      });
      underWay.set(participant, step);
      if (number % LOOK_EVERY === 0) await checkRows(this.#world.database.sql);
    }
    await Promise.all(underWay.values());
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

  async #checkAtRest(): Promise<void> {
    const { sql } = this.#world.database;
    const end = Date.now() + REST_MS;
    while ((await countUnderWay(sql)) > 0) {
      if (Date.now() > end) throw new BrokenInvariant('the service does not come to rest');
      await pause(100);
    }
    await checkRowsAtRest(sql);
    await this.#facts.checkNothingLost();
    for (const id of this.#forest.ids) {
      const tree = await this.#forest.tree(id);
      this.history.count(`ended: ${JSON.stringify(tree.state)}`);
      await this.#facts.checkTree(tree);
      if (tree.state === 'completed') await this.#facts.prove(tree);
      if (!tree.tags.includes('settled')) await this.#checkExplained(tree);
    }
  }

  /** An initiative that is not settled waits for a person, and whoever asks is told for what. */
  async #checkExplained(tree: InitiativeTree): Promise<void> {
    const [whole, ...parts] = unitsOf(tree);
    if (whole === undefined || !whole.tags.includes('needs_you'))
      throw new BrokenInvariant(
        `${tree.key} is neither settled nor waits for a person: ${JSON.stringify(
          unitsOf(tree).map(({ name, state, tags }) => ({ name, state, tags })),
        )}`,
      );
    for (const unit of [whole, ...parts.filter(({ tags }) => tags.includes('needs_you'))])
      await this.#explained(unit);
  }

  async #explained(unit: Unit): Promise<void> {
    const said = await this.#service.must<Explanation>('viewer', {
      method: 'GET',
      path: `${pathOf(unit)}/explain`,
    });
    this.history.note(`${unit.name}: ${said.sentence} ${JSON.stringify(said.reasons)}`);
    if (said.sentence === '' || !said.moves.some(({ event }) => event !== null))
      throw new BrokenInvariant(
        `${unit.name} waits for a person, and nobody is told what to do: ${JSON.stringify(said)}`,
      );
  }
}
