import { setTimeout as pause } from 'node:timers/promises';
import type { InitiativeTree } from '../../src/services/shapes/actor.ts';
import type { Explanation } from '../../src/services/shapes/explanation.ts';
import type { World } from '../crash/world.ts';
import { type Forest, pathOf, type Unit, unitsOf } from './forest.ts';
import { GitFacts } from './git-facts.ts';
import { BrokenInvariant, type History } from './history.ts';
import type { Ledger } from './ledger.ts';
import type { ReachableService } from './reachable-service.ts';
import { checkRowsAtRest, countUnderWay } from './rows.ts';

interface Here {
  readonly world: World;
  readonly service: ReachableService;
  readonly forest: Forest;
  readonly ledger: Ledger;
  readonly history: History;
}

/** How long what runs by itself may take to end. */
const REST_MS = 60_000;

/** Nobody does anything any more: everything has come to its end, or waits for somebody and says so, and nothing is lost. */
export async function checkAtRest({ world, service, forest, ledger, history }: Here): Promise<void> {
  const { sql } = world.database;
  const end = Date.now() + REST_MS;
  while ((await countUnderWay(sql)) > 0) {
    if (Date.now() > end) throw new BrokenInvariant('the service does not come to rest');
    await pause(100);
  }
  await checkRowsAtRest(sql);
  const facts = new GitFacts(world, ledger, history);
  await facts.checkNothingLost();
  for (const id of forest.ids) {
    const tree = await forest.tree(id);
    history.count(`ended: ${JSON.stringify(tree.state)}`);
    await facts.checkTree(tree);
    if (tree.state === 'completed') await facts.prove(tree);
    if (!tree.tags.includes('settled')) await checkWaits(service, tree, history);
  }
}

/** An initiative that is not settled waits for a person, and whoever asks is told for what. */
async function checkWaits(service: ReachableService, tree: InitiativeTree, history: History): Promise<void> {
  const [whole, ...parts] = unitsOf(tree);
  if (whole === undefined || !whole.tags.includes('needs_you'))
    throw new BrokenInvariant(
      `${tree.key} is neither settled nor waits for a person: ${JSON.stringify(
        unitsOf(tree).map(({ name, state, tags }) => ({ name, state, tags })),
      )}`,
    );
  for (const unit of [whole, ...parts.filter(({ tags }) => tags.includes('needs_you'))])
    await checkExplained(service, unit, history);
}

async function checkExplained(service: ReachableService, unit: Unit, history: History): Promise<void> {
  const said = await service.must<Explanation>('viewer', { method: 'GET', path: `${pathOf(unit)}/explain` });
  history.note(`${unit.name}: ${said.sentence} ${JSON.stringify(said.reasons)}`);
  if (said.sentence === '' || said.needsYou === null || !said.moves.some(({ kind }) => kind === 'event'))
    throw new BrokenInvariant(
      `${unit.name} waits for a person, and nobody is told what to do: ${JSON.stringify(said)}`,
    );
}
