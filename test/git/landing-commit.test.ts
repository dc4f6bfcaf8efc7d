import { describe, expect, it } from 'vitest';
import { buildMergeCommit, type MergeCommit } from '../../src/git/landing-commit.ts';
import { type CommitRequest, Repository } from '../../src/git/repository.ts';
import { author, Bench, git, runner } from './support.ts';

const KEEP = 'refs/signalbox/keep/landing/test';

function fork() {
  const bench = new Bench();
  const root = bench.commit('refs/heads/base', null, { 'a.txt': 'a\n' });
  const before = bench.commit('refs/heads/before', root, { 'b.txt': 'b\n' });
  const source = bench.commit('refs/heads/source', root, { 'c.txt': 'c\n' });
  const merge: MergeCommit = {
    tree: git(bench.dir, 'merge-tree', '--write-tree', before, source),
    before,
    source,
    unit: { kind: 'task', key: 't', id: '00000000-0000-4000-8000-000000000001' },
    effectId: '00000000-0000-4000-8000-000000000002',
    author,
    keepRef: KEEP,
  };
  return { bench, merge };
}

/** Writes another commit than the one that was asked for, as a defect in git or in our call of it would. */
class Mistaken extends Repository {
  readonly #mistake: Partial<CommitRequest>;

  constructor(dir: string, mistake: Partial<CommitRequest>) {
    super(dir, runner);
    this.#mistake = mistake;
  }

  override commitTree(request: CommitRequest): Promise<string> {
    return super.commitTree({ ...request, ...this.#mistake });
  }
}

describe('the merge commit of a landing', () => {
  it('is held by its keep ref before any branch has it', async () => {
    const { bench, merge } = fork();
    const oid = await buildMergeCommit(bench.repository, merge);
    expect(bench.tip(KEEP)).toBe(oid);
    expect(git(bench.dir, 'rev-parse', `${oid}^{tree}`)).toBe(merge.tree);
  });

  it.each([
    [
      'tree',
      ({ bench }: ReturnType<typeof fork>) => ({ tree: git(bench.dir, 'rev-parse', 'source^{tree}') }),
    ],
    ['parents', ({ merge }: ReturnType<typeof fork>) => ({ parents: [merge.before] })],
    ['order of parents', ({ merge }: ReturnType<typeof fork>) => ({ parents: [merge.source, merge.before] })],
  ])('does not land when it has not the %s that was merged', async (_, mistake) => {
    const forked = fork();
    const repository = new Mistaken(forked.bench.dir, mistake(forked));
    await expect(buildMergeCommit(repository, forked.merge)).rejects.toMatchObject({
      code: 'landing_proof_failed',
    });
    expect(forked.bench.tip(KEEP)).toBeNull();
  });
});
