import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { verify } from '../../src/actors/fold.ts';
import type { Stage } from './support/harness.ts';
import { event, eventually, openStage } from './support/harness.ts';
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
/** Five starts of a process take a minute on a machine that has other work. */
const BUSY_MACHINE_MS = 180_000;

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
  it(
    'loses nothing it acknowledged and applies nothing twice',
    async () => {
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
      await eventually(async () => {
        for (const view of await writer.peekMany(ids)) {
          expect(view.context).toMatchObject({
            total: PER_ACTOR / 2,
            heard,
            result: { echo: expect.stringMatching(/^job of/) as string },
          });
        }
      });
      for (const id of ids) await verify(stage.sql, nodeRegistry(), id);
      expect(await stage.count('journal', `type = 'xstate.done.actor.work'`)).toBe(ids.length);
      expect(await stage.count('message')).toBe(0);
      await writer.stop();
    },
    BUSY_MACHINE_MS,
  );
});

/** Ends all busy sessions again and again. In between some event gets through, however slow the machine is. */
class Killer {
  killed = 0;
  readonly #admin: pg.Client;
  readonly #answered: () => number;
  readonly #loop: Promise<void>;
  #isStopping = false;

  constructor(url: string, answered: () => number) {
    this.#admin = new pg.Client({ connectionString: url });
    this.#answered = answered;
    this.#loop = this.#run();
    // Heard of in `stop`.
    this.#loop.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    try {
      await this.#loop;
    } finally {
      await this.#admin.end();
    }
  }

  async #run(): Promise<void> {
    await this.#admin.connect();
    while (!this.#isStopping) {
      const before = this.#answered();
      const { rowCount } = await this.#admin.query(
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`,
      );
      this.killed += rowCount ?? 0;
      if (rowCount === 0) continue;
      while (!this.#isStopping && this.#answered() === before)
        await this.#admin.query('SELECT pg_sleep(0.005)');
    }
  }
}

describe('backends that are killed under load', () => {
  it(
    'cost no acknowledged event and apply nothing twice',
    async () => {
      const runtimes = [await stage.started(), await stage.started()];
      const [one] = runtimes;
      if (one === undefined) throw new Error('two were started');
      const ids = await Promise.all(Array.from({ length: 10 }, () => stage.born(one)));
      let answered = 0;
      const killer = new Killer(stage.url, () => answered);
      const post = async (id: string, n: number) => {
        const outcome = await runtimes[n % 2]?.post(id, event('add', { by: 1 }));
        expect(['accepted', 'duplicate']).toContain(outcome?.outcome);
        answered += 1;
      };
      let rounds = 0;
      try {
        for (; rounds < 15 || killer.killed <= 5; rounds += 1)
          await Promise.all(ids.flatMap((id) => [post(id, rounds), post(id, rounds + 1)]));
      } finally {
        await killer.stop();
      }
      for (const id of ids) {
        // A read is not tried again for its caller, and the last kill may have left dead connections in the pool.
        await eventually(async () => {
          expect(await one.peek(id)).toMatchObject({
            version: 2 * rounds + 1,
            context: { total: 2 * rounds },
          });
          await verify(stage.sql, nodeRegistry(), id);
        });
      }
    },
    BUSY_MACHINE_MS,
  );
});
