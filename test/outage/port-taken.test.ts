import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { World } from '../crash/world.ts';
import { takePort } from '../support/take-port.ts';

test(
  'an embedded database whose port was taken while it was down is shown by /readyz, and is back when the port is free',
  { timeout: 120_000 },
  async () => {
    const world = await World.make(1);
    try {
      // PostgreSQL's own user has to pass through, when root runs the service.
      await chmod(world.folder, 0o755);
      const service = await world.start({ embedded: true });
      const cluster = join(world.dataFolder, 'postgresql/cluster');
      const port = Number(await readFile(join(cluster, 'port'), 'utf8'));
      const postmaster = Number.parseInt(await readFile(join(cluster, 'data/postmaster.pid'), 'utf8'), 10);
      // The service stands still, so that it can not be faster.
      process.kill(service.pid, 'SIGSTOP');
      process.kill(postmaster, 'SIGKILL');
      const stranger = await takePort(port);
      process.kill(service.pid, 'SIGCONT');

      await until('the service says why it is not ready', async () => {
        const { status, checks } = await world.readiness();
        return status === 503 && checks['database']?.detail.includes('does not start');
      });
      await new Promise((resolve) => stranger.close(resolve));

      await until(
        'the service is ready again by itself',
        async () => (await world.readiness()).status === 200,
      );
      expect(await world.ask('GET', '/v1/projects')).toEqual({ projects: [] });
    } finally {
      await world.service?.close();
      await world.end();
    }
  },
);
