import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BoundaryPoint } from '../../src/git/boundary.ts';
import { livingChildren } from '../../src/git/child-records.ts';
import { GitError } from '../../src/git/git-error.ts';
import { moveRefs } from '../../src/git/move-refs.ts';
import { createTestDatabase } from '../support/database.ts';
import { LandingBench, type Project, projects, requestFor, target } from './landing-support.ts';

let bench: LandingBench;
beforeAll(async () => {
  bench = new LandingBench(await createTestDatabase());
});
afterAll(() => bench.database.close());

/** A hook with which git takes the locks of the target and then never comes back. */
function hangWithLocks({ bench: { dir } }: Project): string {
  const reached = join(dir, 'reached');
  const hook = join(dir, 'hooks', 'reference-transaction');
  mkdirSync(join(dir, 'hooks'), { recursive: true });
  writeFileSync(
    hook,
    `#!/bin/sh\n[ "$1" = prepared ] || exit 0\ngrep -q ${target} || exit 0\n: > "${reached}"\nexec sleep 600\n`,
  );
  chmodSync(hook, 0o755);
  return reached;
}

describe('a git that hangs in a landing, with its locks,', () => {
  it.each([
    ['effect', 'git_aborted'],
    ['claim', 'landing_superseded'],
  ])('ends when the %s is lost, and nothing has moved', async (lost, code) => {
    await bench.reset();
    const all = projects(['api']);
    const [api] = all as [Project];
    const reached = hangWithLocks(api);
    const effect = new AbortController();
    const landing = bench.land(requestFor(all), all, {
      signal: effect.signal,
      store: bench.store('process-1', 300),
    });
    landing.catch(() => undefined);
    await expect.poll(() => existsSync(reached), { timeout: 15_000 }).toBe(true);

    if (lost === 'effect') effect.abort();
    else await bench.database.sql.query('UPDATE landing SET fence = fence + 1');

    await expect(landing).rejects.toMatchObject({ code });
    expect(livingChildren(api.bench.dir)).toEqual([]);
    expect(existsSync(join(api.bench.dir, `${target}.lock`))).toBe(false);
    expect(api.bench.tip(target)).toBe(api.base);
  });
});

describe('between the commits of two repositories', () => {
  it('a lost lease does not keep the second from being committed', async () => {
    await bench.reset();
    const all = projects(['api', 'web']);
    const effect = new AbortController();
    const boundary = async (point: BoundaryPoint): Promise<void> => {
      if (point === 'between-commits') effect.abort();
    };
    const request = requestFor(all);
    await expect(bench.land(request, all, { signal: effect.signal, boundary })).rejects.toMatchObject({
      code: 'git_aborted',
    });
    expect(all.map((one) => one.bench.tip(target) === one.base)).toEqual([false, false]);
    expect(await bench.land({ ...request, attempt: 2 }, all)).toMatchObject({ result: 'landed' });
  });

  it('nothing is taken for "not moved"', async () => {
    const all = projects(['api', 'web']);
    const moves = all.map(({ bench: { repository }, base, source }) => ({
      repository,
      changes: [{ ref: target, old: base, new: source }],
    }));
    const moving = moveRefs(moves, {
      assertHeld: async () => undefined,
      pass: async (point) => {
        if (point === 'between-commits')
          throw new GitError('ref_moved', 'a ref does not stand where it was expected');
      },
      exclusively: (_name, work) => work(),
    });
    await expect(moving).rejects.toMatchObject({ code: 'ref_moved' });
    expect(all.map((one) => one.bench.tip(target))).toEqual([all[0]?.source, all[1]?.base]);
  });
});
