import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Children } from './children.ts';
import { deliver } from './deliver.ts';
import type { DemoOptions } from './options.ts';
import { planKeys, scenarioOf, type Scenario } from './plan.ts';
import { prove, readLedgers, type Delivered, type Proof } from './proof.ts';
import { Random } from './random.ts';
import { makeRemotes, type Remote } from './remotes.ts';
import { sabotage } from './sabotage.ts';
import type { Screen } from './screen.ts';
import { freePort, ServiceProcess } from './service-process.ts';

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
  const planKeysFile = join(run.folder, 'plan-keys');
  await writeFile(planKeysFile, planKeys(scenario));
  const remotes = await makeRemotes(await made(run.folder, 'remotes'), run.options.repo);
  const service = new ServiceProcess(run.children, run.folder, await freePort(), run.userEnv);
  run.screen.note('starting the service on a data folder of its own');
  await service.start(run.signal);
  const { ledgers, survived } = await deliver(run, scenario, remotes, service, random);
  const delivered = remotes.map((remote) => deliveredTo(remote, scenario));
  if (run.options.sabotage !== null) {
    const entries = await readLedgers(ledgers);
    run.screen.note(await sabotage(run.options.sabotage, delivered, entries, random));
  }
  return { survived, proof: await prove(planKeysFile, ledgers, delivered) };
}

/** `merge_and_push` ends on the remote's own branch, `push_branch` on one named after the initiative. */
function deliveredTo({ key, path, branch, seed }: Remote, { plan }: Scenario): Delivered {
  const strategy = plan.projects.find((project) => project.key === key)?.strategy;
  return { key, remote: path, seed, branch: strategy === 'push_branch' ? `signalbox/${plan.key}` : branch };
}

async function made(folder: string, name: string): Promise<string> {
  await mkdir(join(folder, name));
  return join(folder, name);
}
