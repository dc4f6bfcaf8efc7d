import { setTimeout as pause } from 'node:timers/promises';
import { createBoard, emptyBoard, type BoardStore } from '../board/board.ts';
import { boardView, type BoardView } from '../board/board-view.ts';
import { AgentFleet } from './agent-fleet.ts';
import type { Client } from './client.ts';
import { follow } from './follow.ts';
import { LateTask } from './late-task.ts';
import { issueTokens } from './people.ts';
import type { Scenario } from './plan.ts';
import type { Random } from './random.ts';
import type { Remote } from './remotes.ts';
import { Reviewer } from './reviewer.ts';
import type { Run } from './run-demo.ts';
import type { ServiceProcess } from './service-process.ts';
import { expectShown } from './shown.ts';
import { Troubles } from './troubles.ts';
import { Unasked } from './unasked.ts';
import { whyNot } from './why-not.ts';

/** Far more than a run takes: a run that is still going then is stuck. */
const LONGEST_MS = 480_000;
const AGENTS = 4;

export interface Delivering {
  readonly ledgers: string;
  readonly survived: string;
}

/** Carries out both plans until they are delivered. Throws when something that had to happen on the way did not. */
export async function deliver(
  run: Run,
  scenario: Scenario,
  remotes: readonly Remote[],
  service: ServiceProcess,
  random: Random,
): Promise<Delivering> {
  const { screen, children } = run;
  const say = (line: string): void => screen.note(line);
  const people = await issueTokens(service, run.signal);
  const { operator, viewer } = people;
  for (const { key, path, branch } of remotes) await operator.addProject(key, path, branch);
  const reviewed = await operator.applyPlan(scenario.plan);
  const yolo = await operator.applyPlan(scenario.chores);
  say(
    `two plans: each phase of ${reviewed.key} is reviewed, those of ${yolo.key} merge without asking (yolo)`,
  );
  // An address is good for one connection, which ends with the process that serves it.
  const sayAddress = async (): Promise<void> => {
    if (run.options.inspect) say(`inspector: ${await viewer.inspectorAddress(reviewed.id)}`);
  };
  await sayAddress();
  const fleet = new AgentFleet(children, {
    url: service.url,
    token: people.agentToken,
    folder: run.folder,
    scenario,
    seed: run.seed,
    userEnv: run.userEnv,
  });
  for (let at = 0; at < AGENTS; at += 1) fleet.start();

  const boards: Steering['boards'] = [createBoard(emptyBoard(reviewed.id)), createBoard(emptyBoard(yolo.id))];
  const over = new AbortController();
  const signal = AbortSignal.any([run.signal, over.signal]);
  const troubles = new Troubles({
    service,
    fleet,
    scenario,
    screen,
    random,
    signal,
    client: viewer,
    initiative: reviewed.id,
    returned: sayAddress,
  });
  const following = Promise.all(boards.map((board) => follow(board, viewer, signal)));
  const reviewer = new Reviewer(people.reviewer, new LateTask(operator, scenario.late, say), say);
  const unasked = new Unasked(say);
  const steering = steer(run, { boards, reviewer, unasked, troubles, client: viewer });
  try {
    // Whichever of them fails first ends the run.
    await Promise.race([steering, following.then(() => new Promise<never>(() => undefined))]);
    await troubles.finish();
    await expectShown({
      views: [viewOf(boards[0]), viewOf(boards[1])],
      client: viewer,
      refusals: reviewer.refusals,
    });
  } catch (error) {
    run.signal.throwIfAborted();
    throw new Error(await whyNot(error, viewsOf(boards), viewer), { cause: error });
  } finally {
    over.abort();
    troubles.close();
    await Promise.allSettled([following, steering, troubles.restarted()]);
  }
  return { ledgers: fleet.ledgers, survived: troubles.survived(children.kills) };
}

interface Steering {
  /** Of the initiative that is reviewed, and of the one that asks nobody. */
  readonly boards: readonly [BoardStore, BoardStore];
  readonly reviewer: Reviewer;
  readonly unasked: Unasked;
  readonly troubles: Troubles;
  readonly client: Client;
}

/** Shows the boards, reviews and makes trouble until every initiative is delivered. */
async function steer(run: Run, { boards, reviewer, unasked, troubles, client }: Steering): Promise<void> {
  const until = Date.now() + LONGEST_MS;
  for (;;) {
    run.signal.throwIfAborted();
    const views = viewsOf(boards);
    if (hasStranger(run, views)) await learnNames(run, client);
    run.screen.draw(views);
    await troubles.look(views.flatMap(({ phases }) => phases));
    unasked.look(viewOf(boards[1]));
    for (const view of views) await reviewer.look(view);
    if (views.every(isDelivered)) return;
    if (Date.now() > until) throw new Error(`not everything was delivered in ${LONGEST_MS / 1_000} s`);
    await pause(100);
  }
}

function viewsOf(boards: readonly BoardStore[]): readonly BoardView[] {
  return boards.map(viewOf);
}

function viewOf(board: BoardStore): BoardView {
  return boardView(board.getSnapshot().context);
}

/** Throws when it has come to another end. */
function isDelivered({ initiative }: BoardView): boolean {
  if (initiative?.tags.includes('settled') !== true) return false;
  if (initiative.state === 'completed') return true;
  throw new Error(`the initiative ${initiative.key ?? ''} ended as ${initiative.state ?? ''}`);
}

function hasStranger(run: Run, views: readonly BoardView[]): boolean {
  const tasks = views.flatMap(({ phases }) => phases.flatMap((phase) => phase.tasks));
  return tasks.some(({ agentId }) => agentId !== null && !run.agentNames.has(agentId));
}

async function learnNames(run: Run, client: Client): Promise<void> {
  for (const { id, name } of await client.agents()) run.agentNames.set(id, name);
}
