import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { World } from '../crash/world.ts';
import { startOwnServer } from '../support/database.ts';
import { Load } from './acknowledged.ts';

test(
  'a database restarted under load is waited for, and everything acknowledged is kept',
  { timeout: 120_000 },
  async () => {
    const server = await startOwnServer();
    const database = await server.createDatabase();
    const world = await World.make(1, database);
    try {
      await world.start();
      const initiative = await world.plan(['a']);
      const claim = await world.claim();
      const load = new Load(world, initiative);
      await until('the load is under way', async () => load.acknowledged.length > 50);
      const before = load.acknowledged.length;

      await server.kill();
      await until(
        'the service says that it is not ready',
        async () => (await world.readiness()).status === 503,
      );
      expect((await world.readiness()).checks['database']?.ready).toBe(false);
      await server.start();

      await until(
        'the service is ready again by itself',
        async () => (await world.readiness()).status === 200,
      );
      await until('the load goes on', async () => load.acknowledged.length > before + 50);
      await load.stop();
      await load.expectKept();

      // The agent's lease has outlived the outage, and its work is taken as if nothing had been.
      await world.work(claim, (dir) => writeFile(join(dir, 'a.txt'), 'a\n'));
      await world.submit(claim);
      await until('the task is completed', async () => {
        const tree = await world.tree(initiative);
        return tree.phases[0]?.tasks[0]?.state === 'completed';
      });
    } finally {
      await world.end();
      await server.close();
    }
  },
);
