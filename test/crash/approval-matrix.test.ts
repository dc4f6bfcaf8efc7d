import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type BoundaryPoint, eventPoints } from '../../src/git/boundary.ts';
import { git } from '../support/git.ts';
import { dieAt } from './deaths.ts';
import { Initiative } from './initiative.ts';
import { commitBeside, mergeBeside } from './outside.ts';
import { sharedWorlds } from './shared-worlds.ts';
import { until } from '../support/until.ts';

// Each test starts a service again and runs dozens of git commands: slow on a busy machine, and no slower than that.
vi.setConfig({ testTimeout: 300_000 });

const worldOf = sharedWorlds();
const hit = new Set<BoundaryPoint>();

type Heads = Readonly<Record<string, string>>;
interface Approved {
  readonly outcome: string;
  readonly eventId: string;
  readonly version: number;
}

/** The only task is handed in: what is left to do is the review. */
async function inReview(
  key: string,
  mode: 'yolo' | 'review_per_phase' = 'review_per_phase',
): Promise<Initiative> {
  const initiative = await Initiative.plan(await worldOf(1), key, ['a'], mode);
  const claim = await initiative.claim();
  await initiative.work(claim, (dir, project) =>
    writeFile(join(dir, `${key}.txt`), `${key} in ${project}\n`),
  );
  await initiative.here.submit(claim);
  return initiative;
}

/** Approves what the open review serves; the service dies on the way, and is asked twice again with the same key. */
async function approveOver(
  { here }: Initiative,
  kind: 'phase' | 'initiative',
  id: string,
  point: BoundaryPoint,
  beforeApproval: (heads: Heads) => Promise<unknown> = async () => undefined,
): Promise<Heads> {
  const path = `/v1/${kind}s/${id}`;
  const { heads } = await until('the review is open', () =>
    here.ask<{ heads: Heads }>('GET', `${path}/review`),
  );
  await beforeApproval(heads);
  const key = randomUUID();
  const send = () => here.post<Approved>(`${path}/events`, { type: `${kind}.approve`, heads }, key);
  for (const death of await dieAt(here, [point], send)) hit.add(death.point);

  const [first, again] = [await send(), await send()];
  expect([first.outcome, again.outcome]).toEqual([
    point === 'before-answer' ? 'duplicate' : 'accepted',
    'duplicate',
  ]);
  const { rows } = await here.database.sql.query<{ event_id: string; version: number }>(
    `SELECT event_id, seq::int AS version FROM journal WHERE actor_id = $1 AND type = $2`,
    [id, `${kind}.approve`],
  );
  expect(rows).toEqual([{ event_id: first.eventId, version: first.version }]);
  expect({ ...again, outcome: '' }).toEqual({ ...first, outcome: '' });
  return heads;
}

/** What was merged for a unit into a branch, each time it was: the second parents of its merge commits. */
async function mergedInto(dir: string, branch: string, unit: string): Promise<string[]> {
  const log = await git(dir, [
    'log',
    '--format=%P|%(trailers:key=Signalbox-Unit,valueonly,separator=)',
    branch,
  ]);
  return log
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([, trailer]) => trailer?.startsWith(`${unit} `))
    .map(([parents]) => parents?.split(' ')[1] ?? '');
}

describe.each(eventPoints)('an approval after a kill at %s', (point) => {
  test('of a phase, which stands because only the base has moved, is given once, and what is there now is merged once', async () => {
    const initiative = await inReview(point);
    const { here } = initiative;
    const { id } = await initiative.untilPhase('one', 'pending_review');
    const now: Record<string, string> = {};
    const served = await approveOver(initiative, 'phase', id, point, async () => {
      for (const key of here.keys) {
        const dir = await here.hub(key);
        await commitBeside(dir, initiative.ownBranch, { [`beside-${point}.txt`]: 'beside\n' });
        now[key] = await mergeBeside(dir, initiative.branch, initiative.ownBranch);
      }
    });
    expect(served).not.toEqual(now);
    await initiative.untilPhase('one', 'completed');
    for (const key of here.keys)
      expect(
        await mergedInto(await here.hub(key), initiative.ownBranch, `phase ${initiative.key}/one`),
      ).toEqual([now[key]]);
    const { rows } = await here.database.sql.query<{ because: string }>(
      `SELECT event ->> 'because' AS because FROM journal WHERE actor_id = $1 AND type = 'phase.approve'`,
      [id],
    );
    expect(rows).toMatchObject([{ because: expect.stringContaining('only the base has moved') }]);
  });

  test('of an initiative is given once, and exactly its heads are delivered once', async () => {
    const initiative = await inReview(`${point}-all`, 'yolo');
    const { here } = initiative;
    const heads = await approveOver(initiative, 'initiative', initiative.id, point);
    await initiative.untilState('completed');
    await initiative.expectDeliveredOnce(['a']);
    for (const key of here.keys)
      expect(await mergedInto(here.remote(key), 'refs/heads/main', `initiative ${initiative.key}`)).toEqual([
        heads[key],
      ]);
  });
});

test('every kill point of an approval was hit', () => {
  expect([...hit].toSorted()).toEqual([...eventPoints].toSorted());
});
