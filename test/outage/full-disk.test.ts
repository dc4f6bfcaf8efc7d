import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { World } from '../crash/world.ts';
import { Load } from './acknowledged.ts';
import { canMount, Filler, withTmpfs } from './tmpfs.ts';

let world: World | null = null;

afterEach(async () => {
  await world?.end();
  world = null;
});

async function taskState(here: World, initiative: string): Promise<unknown> {
  return (await here.tree(initiative)).phases[0]?.tasks[0]?.state;
}

test.skipIf(!canMount)(
  'a full disk under the hub holds a landing up, and it goes on by itself when there is room',
  { timeout: 120_000 },
  async () => {
    const here = await World.make(1);
    world = here;
    const hub = join(here.dataFolder, 'hub');
    await mkdir(hub, { recursive: true });
    let filler: Filler | null = null;
    const service = await here.start({ wrapper: withTmpfs(hub, 24) });
    service.killAt({
      point: 'before-merge',
      survives: true,
      meanwhile: async (standing) => {
        filler = new Filler(standing.pid, hub);
        await filler.fill();
      },
    });
    const initiative = await here.plan(['a']);
    const claim = await here.claim();
    await here.work(claim, (dir) => writeFile(join(dir, 'a.txt'), 'a\n'));
    await here.submit(claim);
    await until('the service says that the hub is full', async () => {
      const { status, checks } = await here.readiness();
      return status === 503 && checks['hub']?.ready === false && /ENOSPC/.test(checks['hub'].detail);
    });
    expect(await taskState(here, initiative)).toBe('merging');
    // What can not be stored is refused, and the client hears of it.
    const late = { ...claim, branch: claim.branch };
    await expect(
      here.work(late, (dir) => writeFile(join(dir, 'b.bin'), Buffer.alloc(100_000, 'b'))),
    ).rejects.toThrow();

    await new Filler(service.pid, hub).free();
    await until('the service is ready again by itself', async () => (await here.readiness()).status === 200);
    await until('the task is completed', async () => (await taskState(here, initiative)) === 'completed');
    expect(filler).not.toBeNull();
  },
);

test.skipIf(!canMount)(
  'a full disk under PostgreSQL loses nothing acknowledged, and the service goes on by itself when there is room',
  { timeout: 240_000 },
  async () => {
    const here = await World.make(1);
    world = here;
    // As root, PostgreSQL's own user has to pass through.
    await chmod(here.folder, 0o755);
    await mkdir(here.dataFolder, { recursive: true });
    const service = await here.start({ wrapper: withTmpfs(here.dataFolder, 400), embedded: true });
    const initiative = await here.plan(['a']);
    const claim = await here.claim();
    const load = new Load(here, initiative);
    await until('the load is under way', async () => load.acknowledged.length > 20);

    const filler = new Filler(service.pid, here.dataFolder);
    await filler.fill();
    await until('the service says that the database can not be written', async () => {
      await filler.fill();
      const { status, checks } = await here.readiness();
      return status === 503 && /has written no event since/.test(checks['database']?.detail ?? '');
    });
    const before = load.acknowledged.length;

    await filler.free();
    await until('the service is ready again by itself', async () => (await here.readiness()).status === 200, {
      limitMs: 90_000,
    });
    await until('the load goes on', async () => load.acknowledged.length > before + 20);
    await load.stop();

    await load.expectKept();
    await here.work(claim, (dir) => writeFile(join(dir, 'a.txt'), 'a\n'));
    await here.submit(claim);
    await until('the task is completed', async () => (await taskState(here, initiative)) === 'completed');
    await service.close();
  },
);
