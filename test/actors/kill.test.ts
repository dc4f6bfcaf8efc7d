import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { verify } from '../../src/actors/fold.ts';
import type { Stage } from './support/harness.ts';
import { event, openStage } from './support/harness.ts';
import { nodeRegistry } from './support/bench.ts';

let stage: Stage;
let child: ChildProcess | null = null;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await stage.close();
});

const PER_ACTOR = 40;

/** Runs the replica until it has answered `acks` events, or all of them; gives the answered ones. */
async function runReplica(
  ids: readonly string[],
  acks: number,
  answered: Set<string>,
): Promise<'killed' | 'finished'> {
  const replica = spawn(
    process.execPath,
    ['test/actors/fixtures/replica.ts', stage.url, 'replica', String(PER_ACTOR), ...ids],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  child = replica;
  let seen = 0;
  for await (const line of createInterface({ input: replica.stdout })) {
    if (line.startsWith('bad')) throw new Error(line);
    if (line === 'all posted') return 'finished';
    answered.add(line);
    if ((seen += 1) < acks) continue;
    replica.kill('SIGKILL');
    await once(replica, 'exit');
    return 'killed';
  }
  throw new Error('the replica ended by itself');
}

describe('a process that is killed under load', () => {
  it('loses nothing it acknowledged and applies nothing twice', async () => {
    const writer = stage.runtime();
    const ids = await Promise.all(Array.from({ length: 12 }, () => stage.born(writer)));
    const answered = new Set<string>();
    for (const acks of [25, 60, 110, 40]) {
      if ((await runReplica(ids, acks, answered)) === 'finished') break;
      // What was answered is there the moment after the kill.
      expect(await stage.count('journal', `type IN ('add', 'tell', 'work')`)).toBeGreaterThanOrEqual(
        answered.size,
      );
    }
    expect(await runReplica(ids, Number.POSITIVE_INFINITY, answered)).toBe('finished');
    const heard = Array.from({ length: PER_ACTOR }, (_, n) => n);
    await vi.waitFor(
      async () => {
        for (const view of await writer.peekMany(ids)) {
          expect(view.context).toMatchObject({
            total: PER_ACTOR / 2,
            heard,
            result: { echo: expect.stringMatching(/^job of/) as string },
          });
        }
      },
      { timeout: 20_000 },
    );
    for (const id of ids) await verify(stage.sql, nodeRegistry(), id);
    expect(await stage.count('journal', `type = 'xstate.done.actor.work'`)).toBe(ids.length);
    expect(await stage.count('message')).toBe(0);
    await writer.stop();
  }, 60_000);
});

describe('backends that are killed under load', () => {
  it('cost no acknowledged event and apply nothing twice', async () => {
    const runtimes = [await stage.started(), await stage.started()];
    const [one] = runtimes;
    if (one === undefined) throw new Error('two were started');
    const ids = await Promise.all(Array.from({ length: 10 }, () => stage.born(one)));
    const admin = new pg.Client({ connectionString: stage.url });
    await admin.connect();
    const posting = new AbortController();
    const killing = (async () => {
      let killed = 0;
      while (!posting.signal.aborted) {
        const { rowCount } = await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`,
        );
        killed += rowCount ?? 0;
        await admin.query('SELECT pg_sleep(0.06)');
      }
      return killed;
    })();
    const post = async (id: string, n: number) => {
      const outcome = await runtimes[n % 2]?.post(id, event('add', { by: 1 }));
      expect(['accepted', 'duplicate']).toContain(outcome?.outcome);
    };
    for (let round = 0; round < 15; round += 1)
      await Promise.all(ids.flatMap((id) => [post(id, round), post(id, round + 1)]));
    posting.abort();
    expect(await killing).toBeGreaterThan(5);
    await admin.end();
    for (const id of ids) {
      expect(await one.peek(id)).toMatchObject({ version: 31, context: { total: 30 } });
      await verify(stage.sql, nodeRegistry(), id);
    }
  }, 60_000);
});
