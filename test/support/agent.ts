import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import type { EventAnswer } from '../../src/services/shapes/actor.ts';
import type { AgentView, Claim } from '../../src/services/shapes/agent.ts';
import { makeBesideHub } from './beside-hub.ts';
import type { Files } from './fast-import.ts';
import { git } from './git.ts';
import { hubCredential } from './hub-credential.ts';
import { commitIn, commitTo } from './remote.ts';
import type { CallOptions, TestService } from './service.ts';
import { until } from './until.ts';

/** An agent as the service knows it, and the token it speaks with. */
export interface TestAgent {
  readonly id: string;
  readonly token: string;
  readonly service: TestService;
}

export async function registerAgent(
  service: TestService,
  name = 'agent',
  {
    capabilities = [],
    token = service.token('agent'),
  }: { capabilities?: readonly string[]; token?: string } = {},
): Promise<TestAgent> {
  const { id } = await service.post<AgentView>(token, '/v1/agents', { name, capabilities });
  return { id, token, service };
}

/** Waits a while for a task; null when there is none. */
export function claimOrNull(agent: TestAgent, waitSeconds = 0): Promise<Claim | null> {
  return agent.service.post<Claim | null>(agent.token, `/v1/agents/${agent.id}/claim`, { waitSeconds });
}

/** Claims the next task; with a key, once that task is ready, and it has to be the one. */
export async function claim(agent: TestAgent, expected?: string): Promise<Claim> {
  if (expected !== undefined) await until(`${expected} to be ready`, () => isReady(agent.service, expected));
  const claimed = await claimOrNull(agent, 10);
  if (claimed === null) throw new Error('waited 10 s for something to claim');
  if (expected !== undefined) expect(claimed.task.key).toBe(expected);
  return claimed;
}

async function isReady(service: TestService, key: string): Promise<boolean> {
  const { rowCount } = await service.database.sql.query(
    `SELECT FROM ready_task r JOIN task t ON t.id = r.task_id
      WHERE t.key = $1 AND (r.reserved_until IS NULL OR r.reserved_until < db_now())`,
    [key],
  );
  return rowCount > 0;
}

/** A clone from the hub at the commit the attempt starts from. */
export async function cloneOf(agent: TestAgent, claimed: Claim, project?: string): Promise<string> {
  const wanted = projectOf(claimed, project);
  const dir = await mkdtemp(path.join(agent.service.folder, 'work-'));
  await git(dir, ['clone', '--quiet', '--no-checkout', '--', wanted.url, '.'], hubCredential(claimed));
  await git(dir, ['checkout', '--quiet', '--detach', wanted.base]);
  return dir;
}

function projectOf(claimed: Claim, project?: string): Claim['projects'][number] {
  const wanted = claimed.projects.find(({ key }) => project === undefined || key === project);
  if (wanted === undefined) throw new Error(`the claim has no project ${project}`);
  return wanted;
}

export async function push(claimed: Claim, worktree: string): Promise<void> {
  await git(
    worktree,
    ['push', '--quiet', 'origin', `HEAD:refs/heads/${claimed.branch}`],
    hubCredential(claimed),
  );
}

/** Commits files by project on what the attempt starts from, and pushes them; gives the commits by project. */
export async function pushFiles(
  agent: TestAgent,
  claimed: Claim,
  files: Readonly<Record<string, Files>>,
): Promise<Record<string, string>> {
  const heads: Record<string, string> = {};
  for (const [project, changes] of Object.entries(files)) {
    const { url, base } = projectOf(claimed, project);
    const dir = await makeBesideHub(agent.service.folder, await agent.service.hubOf(project));
    const commit = { ref: 'refs/heads/work', from: base, files: changes, message: claimed.task.title };
    heads[project] = await commitTo(dir, commit);
    await git(dir, ['push', '--quiet', url, `work:refs/heads/${claimed.branch}`], hubCredential(claimed));
  }
  return heads;
}

/** Merges what a merge task has to merge and settles every conflict with `files`; gives the resolution by project. */
export async function pushResolution(
  agent: TestAgent,
  claimed: Claim,
  files: Readonly<Record<string, Files>>,
): Promise<Record<string, string>> {
  const heads: Record<string, string> = {};
  for (const { key, merge } of claimed.projects) {
    if (merge === null) continue;
    const worktree = await cloneOf(agent, claimed, key);
    await git(worktree, ['merge', '--quiet', '--no-edit', merge]).catch(
      () => 'left in conflict, settled below',
    );
    heads[key] = await commitIn(worktree, files[key] ?? {}, 'Resolve the conflict');
    await push(claimed, worktree);
  }
  return heads;
}

type Report = 'submit' | 'fail' | 'stop' | 'ask' | 'heartbeat' | 'progress';

export function report<T = EventAnswer>(
  agent: TestAgent,
  claimed: Claim,
  what: Report,
  body: object = {},
  options: CallOptions = {},
): Promise<T> {
  return agent.service.post<T>(
    agent.token,
    `/v1/agents/${agent.id}/${what}`,
    { lease: claimed.lease.id, ...body },
    options,
  );
}

export function reportRefusal(
  agent: TestAgent,
  claimed: Claim,
  what: Report,
  body: object = {},
  options: CallOptions = {},
) {
  return agent.service.refusal(
    agent.token,
    'POST',
    `/v1/agents/${agent.id}/${what}`,
    { lease: claimed.lease.id, ...body },
    options,
  );
}

export function submit(
  agent: TestAgent,
  claimed: Claim,
  body: object = {},
  options: CallOptions = {},
): Promise<EventAnswer> {
  // An agent that has been given comments says what it has done about them.
  const answers = claimed.comments.length > 0 ? { fixedAll: 'changed as asked' } : {};
  return report(agent, claimed, 'submit', { ...answers, ...body }, options);
}

/** Claims the next task, pushes the files and submits. */
export async function doTask(
  agent: TestAgent,
  expected: string,
  files: Readonly<Record<string, Files>>,
): Promise<{ claim: Claim; heads: Record<string, string> }> {
  const claimed = await claim(agent, expected);
  const heads = await pushFiles(agent, claimed, files);
  await submit(agent, claimed, Object.keys(heads).length === 0 ? { noChanges: 'nothing to do here' } : {});
  return { claim: claimed, heads };
}
