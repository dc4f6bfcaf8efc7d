import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createBoard, emptyBoard, type BoardStore } from '../board/board.ts';
import { boardView } from '../board/board-view.ts';
import { AgentFleet } from './agent-fleet.ts';
import type { Children } from './children.ts';
import { Client } from './client.ts';
import { follow } from './follow.ts';
import type { DemoOptions } from './options.ts';
import { planKeys, scenarioOf, type Scenario } from './plan.ts';
import { prove, readLedgers, type Delivered, type Proof } from './proof.ts';
import { Random } from './random.ts';
import { makeRemotes, type Remote } from './remotes.ts';
import { Reviewer } from './reviewer.ts';
import { sabotage } from './sabotage.ts';
import type { Screen } from './screen.ts';
import { freePort, ServiceProcess } from './service-process.ts';
import { Troubles } from './troubles.ts';
import { whyNot } from './why-not.ts';

/** Far more than a run takes: a run that is still going then is stuck. */
const LONGEST_MS = 300_000;
const AGENTS = 4;

export interface Run {
  readonly folder: string;
  readonly options: DemoOptions;
  readonly seed: number;
  readonly children: Children;
  readonly screen: Screen;
  /** Learns how agents are called. */
  readonly agentNames: Map<string, string>;
  /** What of the user's environment every process gets: where programs are, and the language. */
  readonly userEnv: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface RunResult {
  readonly survived: string;
  readonly proof: Proof;
}

/** One run from two empty remotes to a proof. Throws when something that had to happen did not. */
export async function runDemo(run: Run): Promise<RunResult> {
  const random = new Random(run.seed);
  const scenario = scenarioOf(run.options.tasks, random);
  await writeFile(planKeysFile(run), planKeys(scenario.plan));
  const remotes = await makeRemotes(await made(run.folder, 'remotes'), run.options.repo);
  const service = new ServiceProcess(run.children, run.folder, await freePort(), run.userEnv);
  run.screen.note('starting the service on a data folder of its own');
  await service.start(run.signal);
  const delivering = await deliver(run, scenario, remotes, service, random);
  const delivered = remotes.map((remote) => deliveredTo(remote, scenario));
  if (run.options.sabotage !== null) {
    const entries = await readLedgers(delivering.ledgers);
    run.screen.note(await sabotage(run.options.sabotage, delivered, entries, random));
  }
  return {
    survived: delivering.survived,
    proof: await prove(planKeysFile(run), delivering.ledgers, delivered),
  };
}

interface Delivering {
  readonly ledgers: string;
  readonly survived: string;
}

async function deliver(
  run: Run,
  scenario: Scenario,
  remotes: readonly Remote[],
  service: ServiceProcess,
  random: Random,
): Promise<Delivering> {
  const { screen, children } = run;
  const client = await tokenClients(service, run.signal);
  for (const { key, path, branch } of remotes) await client.operator.addProject(key, path, branch);
  const { id } = await client.operator.applyPlan(scenario.plan);
  // An address is good for one connection, which ends with the process that serves it.
  const sayAddress = async (): Promise<void> => {
    if (run.options.inspect) screen.note(`inspector: ${await client.viewer.inspectorAddress(id)}`);
  };
  await sayAddress();
  const fleet = new AgentFleet(children, {
    url: service.url,
    token: client.agentToken,
    folder: run.folder,
    scenario,
    seed: run.seed,
    userEnv: run.userEnv,
  });
  for (let at = 0; at < AGENTS; at += 1) fleet.start();

  const board = createBoard(emptyBoard(id));
  const over = new AbortController();
  const signal = AbortSignal.any([run.signal, over.signal]);
  const troubles = new Troubles({
    service,
    fleet,
    scenario,
    screen,
    random,
    signal,
    client: client.viewer,
    initiative: id,
    returned: sayAddress,
  });
  const following = follow(board, client.viewer, signal);
  const reviewer = new Reviewer(client.reviewer, (what) => screen.note(`the reviewer approved ${what}`));
  const steering = steer(run, { board, reviewer, troubles, client: client.viewer });
  try {
    // Whichever of them fails first ends the run.
    await Promise.race([steering, following.then(() => new Promise<never>(() => undefined))]);
    await troubles.finish();
  } catch (error) {
    run.signal.throwIfAborted();
    throw new Error(await whyNot(error, boardView(board.getSnapshot().context), client.viewer), {
      cause: error,
    });
  } finally {
    over.abort();
    troubles.close();
    await Promise.allSettled([following, steering, troubles.restarted()]);
  }
  return { ledgers: fleet.ledgers, survived: troubles.survived(children.kills) };
}

interface Steering {
  readonly board: BoardStore;
  readonly reviewer: Reviewer;
  readonly troubles: Troubles;
  readonly client: Client;
}

/** Shows the board, reviews and makes trouble until the initiative is delivered. */
async function steer(run: Run, { board, reviewer, troubles, client }: Steering): Promise<void> {
  const until = Date.now() + LONGEST_MS;
  for (;;) {
    run.signal.throwIfAborted();
    const view = boardView(board.getSnapshot().context);
    if (hasStranger(run, view)) await learnNames(run, client);
    run.screen.draw(view);
    await troubles.look(view);
    await reviewer.look(view);
    if (view.initiative?.tags.includes('settled') === true) {
      if (view.initiative.state !== 'completed')
        throw new Error(`the initiative ended as ${view.initiative.state ?? ''}`);
      return;
    }
    if (Date.now() > until) throw new Error(`the initiative was not delivered in ${LONGEST_MS / 1_000} s`);
    await pause(100);
  }
}

function hasStranger(run: Run, { phases }: ReturnType<typeof boardView>): boolean {
  const agents = phases.flatMap(({ tasks }) => tasks.map(({ agentId }) => agentId));
  return agents.some((agentId) => agentId !== null && !run.agentNames.has(agentId));
}

async function learnNames(run: Run, client: Client): Promise<void> {
  for (const { id, name } of await client.agents()) run.agentNames.set(id, name);
}

/** Everybody has a token of their own; none but the first is an administrator's. */
async function tokenClients(service: ServiceProcess, signal: AbortSignal) {
  const url = (): string => service.url;
  const admin = new Client(url, await service.adminToken(), signal);
  const client = async (name: string, scope: 'operator' | 'reviewer' | 'viewer'): Promise<Client> =>
    new Client(url, await admin.makeToken(name, scope), signal);
  return {
    operator: await client('demo operator', 'operator'),
    reviewer: await client('demo reviewer', 'reviewer'),
    viewer: await client('demo board', 'viewer'),
    agentToken: await admin.makeToken('demo agents', 'agent'),
  };
}

/** `merge_and_push` ends on the remote's own branch, `push_branch` on one named after the initiative. */
function deliveredTo({ key, path, branch, seed }: Remote, { plan }: Scenario): Delivered {
  const strategy = plan.projects.find((project) => project.key === key)?.strategy;
  return { key, remote: path, seed, branch: strategy === 'push_branch' ? `signalbox/${plan.key}` : branch };
}

function planKeysFile({ folder }: Run): string {
  return join(folder, 'plan-keys');
}

async function made(folder: string, name: string): Promise<string> {
  await mkdir(join(folder, name));
  return join(folder, name);
}
