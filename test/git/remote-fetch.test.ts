import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Hub } from '../../src/git/hub.ts';
import type { HubProject } from '../../src/git/hub-types.ts';
import type { Repository } from '../../src/git/repository.ts';
import { Bench, git, runner, tempFolder } from './support.ts';

let hub: Hub;
let remote: Bench;
let project: HubProject;
let repository: Repository;
let base: string;
beforeEach(async () => {
  hub = new Hub({ root: join(tempFolder(), 'hub'), runner });
  remote = new Bench('remote');
  base = remote.commit('refs/heads/main', null, { a: 'a' });
  project = { id: 'p1', remote: remote.dir, defaultBranch: 'main' };
  repository = await hub.ensure(project);
});

function tracked(): string[] {
  return git(repository.dir, 'for-each-ref', '--format=%(refname:lstrip=3)', 'refs/remotes/origin').split(
    '\n',
  );
}

describe('a remote that has replaced a branch', () => {
  it.each([
    ['release', 'release/1'],
    ['release/1', 'release'],
    ['release/1/hotfix', 'release'],
    ['r\u00e9lease', 'r\u00e9lease/1'],
  ])('%s by %s is fetched, and the tip of the old one is kept', async (before, after) => {
    const old = remote.commit(`refs/heads/${before}`, base, { old: 'old' });
    await hub.fetch(project);
    git(remote.dir, 'update-ref', '-d', `refs/heads/${before}`);
    const next = remote.commit('refs/heads/main', base, { next: 'next' });
    remote.commit(`refs/heads/${after}`, base, { new: 'new' });
    await hub.fetch(project);
    expect(tracked().toSorted()).toEqual(['main', after].toSorted());
    expect(await repository.readTip('refs/heads/main')).toBe(next);
    expect([...(await repository.readRefs('refs/signalbox/backup')).values()]).toEqual([old]);
  });

  it("moves nothing aside that is in nobody's way", async () => {
    for (const name of ['gone', 'release/1', 'release/2'])
      remote.commit(`refs/heads/${name}`, base, { b: 'b' });
    await hub.fetch(project);
    for (const name of ['gone', 'release/1']) git(remote.dir, 'update-ref', '-d', `refs/heads/${name}`);
    remote.commit('refs/heads/gone/again', base, { c: 'c' });
    await hub.fetch(project);
    expect(tracked()).toEqual(['gone/again', 'main', 'release/1', 'release/2']);
  });
});

it('fetches at the same time do not fail each other', async () => {
  const next = remote.commit('refs/heads/main', base, { next: 'next' });
  for (let n = 0; n < 10; n++) remote.commit(`refs/heads/b${n}`, base, { [`b${n}`]: 'b' });
  await Promise.all(Array.from({ length: 4 }, () => hub.fetch(project)));
  expect(await repository.readTip('refs/remotes/origin/main')).toBe(next);
});

it('a fetch that meets the lock of another git is to be tried again, and is no fault of the remote', async () => {
  remote.commit('refs/heads/main', base, { next: 'next' });
  git(repository.dir, 'update-ref', 'refs/remotes/origin/main', base);
  writeFileSync(join(repository.dir, 'refs/remotes/origin/main.lock'), '');
  await expect(hub.fetch(project)).rejects.toMatchObject({ code: 'ref_locked' });
});
