import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { Hub } from '../../src/git/hub.ts';
import { Bench, runner, tempFolder } from './support.ts';

const hour = 3_600_000;

it('what killed processes left in the hub goes when nobody can be at work on it any more, and nothing else does', async () => {
  const root = join(tempFolder(), 'hub');
  const remote = new Bench();
  const tip = remote.commit('refs/heads/main', null, { a: 'a' });
  const hub = new Hub({ root, runner });
  const { dir } = await hub.ensure({ id: 'p1', remote: remote.dir, defaultBranch: 'main' });
  const left = (ageMs: number): string[] => {
    const files = [
      join(root, `.new-p2-${ageMs}`, 'objects', 'pack', 'tmp_pack_x'),
      join(dir, 'objects', `tmp_objdir-incoming-${ageMs}`, 'pack', 'tmp_pack_x'),
      join(dir, 'objects', `incoming-${ageMs}`, 'x'),
      join(dir, 'objects', 'pack', `tmp_pack_${ageMs}`),
      join(dir, 'objects', 'pack', `tmp_idx_${ageMs}`),
    ];
    const time = (Date.now() - ageMs) / 1_000;
    for (const file of files) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, 'half');
      utimesSync(file, time, time);
    }
    const folders = [join(root, `.new-p2-${ageMs}`), ...files.slice(1, 3).map((file) => topOf(file, dir))];
    for (const folder of folders) utimesSync(folder, time, time);
    return files;
  };
  const [old, young] = [left(hour + 60_000), left(hour - 60_000)];

  expect(await hub.sweep()).toMatchObject({ ok: true });

  expect(old.filter((file) => existsSync(file))).toEqual([]);
  expect(young.filter((file) => !existsSync(file))).toEqual([]);
  expect(await hub.repository('p1').readTip('refs/heads/main')).toBe(tip);
  expect(await hub.repository('p1').commitExists(tip)).toBe(true);
});

/** The folder right under `objects` that has this file. */
function topOf(file: string, dir: string): string {
  const [first = ''] = file.slice(join(dir, 'objects').length + 1).split('/');
  return join(dir, 'objects', first);
}
