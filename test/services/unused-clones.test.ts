import { cp, mkdir, readdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { git, tipOf } from '../support/git.ts';
import { makeRemote } from '../support/remote.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addProject } from '../support/work.ts';

const DAY_MS = 24 * 3_600_000;
const KILLED = '10000000-0000-4000-8000-000000000001';
const YOUNG = '10000000-0000-4000-8000-000000000002';
const WORKED_IN = '10000000-0000-4000-8000-000000000003';

async function clones(service: TestService): Promise<string[]> {
  const names = await readdir(service.hubFolder);
  return names.filter((name) => name.endsWith('.git') || name.startsWith('.new-')).toSorted();
}

test('of two requests for one key at once one adds the project, and the other leaves no clone', async () => {
  const service = await startTestService();
  const remote = await makeRemote(path.join(service.folder, 'remotes'), 'api');
  const add = () => service.call('operator', 'POST', '/v1/projects', { key: 'api', remote: remote.dir });

  const answers = await Promise.all([add(), add(), add()]);

  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  const added = (await Promise.all(answers.map((answer) => answer.json()))) as {
    id?: string;
    code?: string;
  }[];
  expect(added.flatMap(({ code }) => code ?? [])).toEqual(['key_taken', 'key_taken']);
  expect(await clones(service)).toEqual([`${added.flatMap(({ id }) => id ?? []).join()}.git`]);
});

test('a start removes old clones without a project, and none that is young or has held work', async () => {
  const service = await startTestService();
  const { hub } = await addProject(service, 'api');
  await service.stop();
  // As processes that were killed before the row leave them, a moment ago and two days ago.
  const draft = path.join(service.hubFolder, `.new-${KILLED}-${YOUNG}`);
  await mkdir(draft);
  for (const id of [KILLED, YOUNG, WORKED_IN]) {
    await cp(hub, path.join(service.hubFolder, `${id}.git`), { recursive: true });
  }
  const main = (await tipOf(hub, 'refs/heads/main')) ?? '';
  await git(path.join(service.hubFolder, `${WORKED_IN}.git`), ['update-ref', 'refs/signalbox/keep/x', main]);
  const then = new Date(Date.now() - 2 * DAY_MS);
  for (const id of [KILLED, WORKED_IN]) {
    await utimes(path.join(service.hubFolder, `${id}.git`, 'HEAD'), then, then);
  }
  await utimes(path.join(hub, 'HEAD'), then, then);
  await utimes(draft, then, then);

  await service.start();

  const left = [path.basename(hub), `${YOUNG}.git`, `${WORKED_IN}.git`].toSorted();
  expect(await clones(service)).toEqual(left);
});
