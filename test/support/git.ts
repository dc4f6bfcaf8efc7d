import { text } from 'node:stream/consumers';
import { forks } from '../../src/git/fork-client.ts';
import { endGroup } from '../../src/git/process-group.ts';
import { somebodysGit } from './git-environment.ts';

/** What git said when it refused. */
export class GitRefused extends Error {
  override readonly name = 'GitRefused';
  readonly stderr: string;

  constructor(args: readonly string[], stderr: string) {
    super(`git ${args.join(' ')}: ${stderr}`);
    this.stderr = stderr;
  }
}

const DEADLINE_MS = 20_000;

/** Plain git as a person or an agent runs it; not in step, because the service that answers it may be in this process. */
export async function git(
  dir: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: Buffer,
): Promise<string> {
  const child = await forks.start({
    file: 'git',
    args,
    cwd: dir,
    env: { ...somebodysGit(dir), ...env },
  });
  let isLate = false;
  const deadline = setTimeout(() => {
    isLate = true;
    endGroup(child.pid);
  }, DEADLINE_MS);
  child.stdin.end(input);
  const [stdout, stderr, { code }] = await Promise.all([text(child.stdout), text(child.stderr), child.ended]);
  clearTimeout(deadline);
  if (code !== 0) throw new GitRefused(args, `${stderr}${isLate ? ' (took too long)' : ''}`);
  return stdout.trim();
}

/** The tip of a ref, or null. */
export async function tipOf(dir: string, ref: string): Promise<string | null> {
  const line = await git(dir, ['for-each-ref', '--format=%(objectname)', ref]);
  return line === '' ? null : line;
}

/** All refs below a prefix, by name. */
export async function refsOf(dir: string, prefix: string): Promise<Record<string, string>> {
  const lines = await git(dir, ['for-each-ref', '--format=%(refname) %(objectname)', prefix]);
  return Object.fromEntries(
    lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ') as [string, string]),
  );
}

/** Is the commit in the history of the ref? */
export async function isContained(dir: string, commit: string, ref: string): Promise<boolean> {
  const found = await git(dir, ['for-each-ref', '--contains', commit, '--format=x', ref]).catch(() => '');
  return found !== '';
}

/** The files of a tip with their contents. */
export async function filesAt(dir: string, ref: string): Promise<Record<string, string>> {
  const names = await git(dir, ['ls-tree', '-r', '--name-only', ref]);
  const found: Record<string, string> = {};
  for (const name of names.split('\n').filter((line) => line !== ''))
    found[name] = await git(dir, ['show', `${ref}:${name}`]);
  return found;
}

/** How many merge commits the history of a tip has. */
export async function countMerges(dir: string, range: string): Promise<number> {
  return Number(await git(dir, ['rev-list', '--count', '--merges', range]));
}

/** What a broken disk or a wrong hand does: every ref that holds the commit is gone, and the commit with them. */
export async function loseCommit(dir: string, commit: string): Promise<void> {
  const holding = await git(dir, ['for-each-ref', '--contains', commit, '--format=%(refname)']);
  for (const ref of holding.split('\n').filter((line) => line !== ''))
    await git(dir, ['update-ref', '-d', ref]);
  await git(dir, ['repack', '-a', '-d', '-q']);
  await git(dir, ['prune', '--expire=now']);
}
