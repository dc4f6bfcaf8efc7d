import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Bench } from '../git/support.ts';
import { startTestService } from '../support/service.ts';

it('a start puts right the hooks and settings of a hub that comes from elsewhere', async () => {
  const service = await startTestService();
  const remote = new Bench();
  remote.commit('refs/heads/main', null, { a: 'a' });
  const { id } = await service.post<{ id: string }>('operator', '/v1/projects', {
    key: 'api',
    remote: remote.dir,
  });
  const hook = path.join(service.hubFolder, '.hooks', 'pre-receive');
  const config = path.join(service.hubFolder, `${id}.git`, 'config');
  const right = [await readFile(hook, 'utf8'), await readFile(config, 'utf8')];
  await service.stop();
  await writeFile(hook, '#!/bin/sh\nexec /gone/node /gone/pre-receive.ts\n');
  await writeFile(config, '[core]\n\tbare = true\n\thooksPath = /gone/.hooks\n');
  await service.start();
  expect([await readFile(hook, 'utf8'), await readFile(config, 'utf8')]).toEqual(right);
});

it('requests are logged where everything else is', async () => {
  const service = await startTestService({ env: { SIGNALBOX_LOG_LEVEL: 'info' } });
  await service.get('/v1/projects');
  expect(service.log.filter((line) => line.includes('/v1/projects'))).toHaveLength(1);
});
