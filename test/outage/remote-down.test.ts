import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { isContained } from '../support/git.ts';
import { until } from '../support/until.ts';
import { World } from '../crash/world.ts';
import { RemoteServer } from '../support/remote-server.ts';

let world: World | null = null;
let remotes: RemoteServer | null = null;

afterEach(async () => {
  await world?.end();
  await remotes?.stop();
  world = null;
  remotes = null;
});

test(
  'a remote that is down is waited for: it is said where people look, and the delivery goes on by itself',
  { timeout: 120_000 },
  async () => {
    const here = await World.make(1);
    world = here;
    const server = new RemoteServer(join(here.folder, 'remotes'));
    remotes = server;
    await server.start();
    here.remoteUrl = (key) => server.url(`${key}.git`);
    await here.start();
    const initiative = await here.plan(['a']);
    const claim = await here.claim();
    await here.work(claim, (dir) => writeFile(join(dir, 'a.txt'), 'a\n'));
    await here.submit(claim);
    await until('the review is open', async () =>
      JSON.stringify((await here.tree(initiative)).state).includes('open"'),
    );

    await server.stop();
    await here.approve(initiative);
    await until(
      'readyz names the remote',
      async () => (await here.readiness()).checks['remotes']?.ready === false,
    );
    const explained = await here.ask<{ reasons: { text: string }[] }>(
      'GET',
      `/v1/initiatives/${initiative}/explain`,
    );
    expect(explained.reasons.map(({ text }) => text).join(' ')).toMatch(/remote_unreachable/);
    expect((await here.tree(initiative)).state).toBe('delivering');

    await server.start();
    await until(
      'the initiative is completed',
      async () => (await here.tree(initiative)).state === 'completed',
    );
    const [pushed] = here.pushed;
    expect(await isContained(here.remote('p1'), pushed?.commit ?? '', 'refs/heads/main')).toBe(true);
    expect((await here.readiness()).checks['remotes']?.ready).toBe(true);
  },
);
