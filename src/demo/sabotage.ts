import { git } from './git.ts';
import type { Delivered, LedgerEntry } from './proof.ts';
import type { Random } from './random.ts';
import type { Sabotage } from './options.ts';

/** Spoils what was delivered: with plain git, and only the refs of the remotes. Says what it did. */
export async function sabotage(
  how: Sabotage,
  delivered: readonly Delivered[],
  entries: readonly LedgerEntry[],
  random: Random,
): Promise<string> {
  const target = random.pick(delivered);
  const own = entries.filter((entry) => entry.project === target.key);
  const spoil = { 'drop-commit': dropCommit, 'half-land': halfLand, 'skip-project': skipProject }[how];
  await setTip(target, await spoil(target, own, random));
  return `${how}: spoiled ${target.branch} of ${target.key}`;
}

/** All content is there, and all commits but one: what a squash or a lost merge leaves. */
async function dropCommit(
  target: Delivered,
  entries: readonly LedgerEntry[],
  random: Random,
): Promise<string> {
  const tip = await tipOf(target);
  const commits = [...new Set(entries.map(({ commit }) => commit))];
  const plain = new Set(entries.filter(({ blob }) => blob !== '-').map(({ commit }) => commit));
  const dropped = random.pick(await lastCommits(target.remote, plain, commits));
  const kept = await git(target.remote, [
    'merge-base',
    '--independent',
    `${dropped}^`,
    ...commits.filter((commit) => commit !== dropped),
  ]);
  const parents = kept.split('\n').flatMap((parent) => ['-p', parent]);
  return git(target.remote, [
    'commit-tree',
    `${tip}^{tree}`,
    ...parents,
    '-m',
    'Spoiled: a commit is missing',
  ]);
}

/** All commits are there, but the content of one project's side is what it was before. */
async function halfLand(target: Delivered): Promise<string> {
  const tip = await tipOf(target);
  const message = 'Spoiled: the content is missing';
  return git(target.remote, ['commit-tree', `${target.seed}^{tree}`, '-p', tip, '-m', message]);
}

/** One project was never delivered. */
async function skipProject(target: Delivered): Promise<string> {
  return target.seed;
}

/** Those of `commits` that none of `all` descends from: dropping one drops nothing else. */
async function lastCommits(
  repository: string,
  commits: ReadonlySet<string>,
  all: readonly string[],
): Promise<string[]> {
  const last = await git(repository, ['merge-base', '--independent', ...all]);
  return last.split('\n').filter((commit) => commits.has(commit));
}

function tipOf({ remote, branch }: Delivered): Promise<string> {
  return git(remote, ['rev-parse', '--verify', `refs/heads/${branch}^{commit}`]);
}

async function setTip({ remote, branch }: Delivered, tip: string): Promise<void> {
  await git(remote, ['update-ref', `refs/heads/${branch}`, tip]);
}
