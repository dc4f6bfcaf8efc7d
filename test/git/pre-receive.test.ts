import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { grantEnvironment, type PushGrant } from '../../src/git/hooks/grant.ts';

const hook = fileURLToPath(new URL('../../src/git/hooks/pre-receive.sh', import.meta.url));
const ref = 'refs/heads/signalbox/i/attempt/p/t/1';
const [none, oid] = ['0'.repeat(40), '1'.repeat(40)];

/** Runs the hook as git does: one line for each ref, and the grant in the environment. */
function receive(lines: readonly string[], grant: PushGrant | null): { status: number | null; said: string } {
  const { status, stderr } = spawnSync('sh', [hook], {
    input: lines.map((line) => `${line}\n`).join(''),
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...grantEnvironment(grant) },
  });
  return { status, said: stderr };
}

const attempt: PushGrant = { mode: 'attempt', ref };

test.each<PushGrant>([attempt, { mode: 'late', ref, keepAs: 'refs/signalbox/late/t/1' }])(
  'a push to the granted ref passes ($mode)',
  (grant) => {
    expect(receive([`${none} ${oid} ${ref}`], grant)).toEqual({ status: 0, said: '' });
  },
);

test.each([
  ['without a grant', [`${none} ${oid} ${ref}`], null, ref, 'push_not_granted'],
  ['to another ref', [`${none} ${oid} ${ref}0`], attempt, `${ref}0`, 'push_ref_not_granted'],
  [
    'to a ref that looks like a pattern',
    [`${none} ${oid} refs/heads/*`],
    attempt,
    'refs/heads/*',
    'push_ref_not_granted',
  ],
  ['that deletes', [`${oid} ${none} ${ref}`], attempt, ref, 'push_delete_refused'],
  [
    'of which one ref is wrong',
    [`${none} ${oid} ${ref}`, `${none} ${oid} refs/heads/main`],
    attempt,
    'refs/heads/main',
    'push_ref_not_granted',
  ],
] as const)('a push %s is refused, with the ref and a code', (_, lines, grant, named, code) => {
  const { status, said } = receive(lines, grant);
  expect(status).toBe(1);
  expect(said).toMatch(/^signalbox: \S+ refused: push_[a-z_]+: .+\n$/);
  expect(said).toContain(`signalbox: ${named} refused: ${code}:`);
});
