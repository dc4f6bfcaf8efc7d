import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SABOTAGES } from '../../src/demo/options.ts';
import { prove, readLedgers, type Delivered as Target } from '../../src/demo/proof.ts';
import { Random } from '../../src/demo/random.ts';
import { makeRemotes, type Remote } from '../../src/demo/remotes.ts';
import { sabotage } from '../../src/demo/sabotage.ts';
import { Delivered, git } from './delivered.ts';

/** Made once, and copied for each test. */
let made: { delivered: Delivered; remotes: readonly Remote[] };
let delivered: Delivered;
let remotes: readonly Remote[];
let targets: readonly Target[];

beforeAll(async () => {
  made = await deliver();
});
afterAll(() => made.delivered[Symbol.dispose]());

beforeEach(() => {
  delivered = made.delivered.copy();
  remotes = made.remotes.map((remote) => ({ ...remote, path: delivered.remote(remote.key) }));
  targets = remotes.map(({ key, path, branch, seed }) => ({ key, remote: path, branch, seed }));
});
afterEach(() => delivered[Symbol.dispose]());

/** Both remotes of the demo with the work of three tasks on them, the last two side by side. */
async function deliver(): Promise<typeof made> {
  const own = new Delivered();
  const empty = await makeRemotes(own.root, null);
  writeFileSync(own.planKeys, 'core/one app lib\ncore/two app lib\ncore/three app lib\n');
  for (const { key, path } of empty) {
    const clone = own.clone(key);
    git(own.root, 'clone', '--quiet', path, clone);
    own.record('ann', 'core/one', 'execute', key, own.work(key, 'one'));
    git(clone, 'switch', '--quiet', '--create', 'side');
    own.record('bob', 'core/two', 'execute', key, own.work(key, 'two'));
    git(clone, 'switch', '--quiet', 'main');
    own.record('ann', 'core/three', 'execute', key, own.work(key, 'three'));
    git(clone, 'merge', '--quiet', '--no-edit', 'side');
    own.push(key);
  }
  return { delivered: own, remotes: empty };
}

function proof() {
  return prove(delivered.planKeys, delivered.ledgers, targets);
}

describe('a sabotage', () => {
  test('has something to spoil: the delivery is proven before', async () => {
    expect(await proof()).toMatchObject({
      proven: true,
      line: 'proven: 2 projects, 1 phases, 3 tasks, 6 commits delivered, 0 lost',
    });
  });

  describe.each(SABOTAGES)('%s', (how) => {
    test.each([1, 2, 3, 4])('is found with seed %i', async (seed) => {
      await sabotage(how, targets, await readLedgers(delivered.ledgers), new Random(seed));
      const { proven, line, faults } = await proof();
      expect(proven).toBe(false);
      expect(line).toMatch(/^NOT proven: /u);
      expect(faults).not.toBe('');
    });

    test('changes one ref of one remote and nothing else', async () => {
      const before = refs();
      await sabotage(how, targets, await readLedgers(delivered.ledgers), new Random(1));
      const changed = refs().filter((ref, at) => ref !== before[at]);
      expect(refs()).toHaveLength(before.length);
      expect(changed).toHaveLength(1);
      expect(readdirSync(delivered.ledgers)).toHaveLength(2);
    });
  });

  test('drop-commit loses one commit and no content', async () => {
    await sabotage('drop-commit', targets, await readLedgers(delivered.ledgers), new Random(2));
    const { line, faults } = await proof();
    expect(line).toContain('6 commits recorded, 1 lost');
    expect(faults).not.toContain('content');
  });

  test('half-land loses the content of one project and no commit', async () => {
    await sabotage('half-land', targets, await readLedgers(delivered.ledgers), new Random(2));
    const { line, faults } = await proof();
    expect(line).toContain('6 commits recorded, 3 lost');
    expect(faults).not.toContain('is not in the delivered branch');
  });
});

function refs(): string[] {
  return remotes.flatMap(({ path }) => git(path, 'for-each-ref').split('\n'));
}

describe('the remotes of the demo', () => {
  test('can be a bare copy of a repository, which is not written to', async () => {
    const own = join(delivered.root, 'own');
    git(delivered.root, 'init', '--quiet', '--initial-branch=trunk', own);
    writeFileSync(join(own, 'file'), 'mine\n');
    git(own, 'add', '--all');
    git(own, 'commit', '--quiet', '--message=mine');
    const before = [
      git(own, 'for-each-ref'),
      git(own, 'status', '--porcelain'),
      git(own, 'count-objects', '-v'),
    ];
    const folder = join(delivered.root, 'copies');
    mkdirSync(folder);
    const [app] = await makeRemotes(folder, own);
    expect(app).toMatchObject({ key: 'app', branch: 'trunk' });
    expect(git(app?.path ?? '', 'show', 'trunk:file')).toBe('mine');
    expect(git(app?.path ?? '', 'remote')).toBe('');
    expect([
      git(own, 'for-each-ref'),
      git(own, 'status', '--porcelain'),
      git(own, 'count-objects', '-v'),
    ]).toEqual(before);
  });

  test('are not made of a repository without a commit', async () => {
    const own = join(delivered.root, 'own');
    git(delivered.root, 'init', '--quiet', '--bare', own);
    const folder = join(delivered.root, 'copies');
    mkdirSync(folder);
    await expect(makeRemotes(folder, own)).rejects.toThrow('has no commit');
  });
});
