import { existsSync, statSync } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { keepNode } from '../../src/db/kept-node.ts';
import { startWatcher } from '../../src/db/embedded/start-watcher.ts';
import { silentLog } from '../../src/db/log.ts';

let dataFolder: string;
let node: string;
const warn = vi.fn<(fields: object, message: string) => void>();
const log = { ...silentLog, warn };

beforeEach(async () => {
  const scratch = await mkdtemp(path.join(tmpdir(), 'signalbox-kept-'));
  warn.mockClear();
  dataFolder = path.join(scratch, 'data');
  node = path.join(scratch, 'node_modules/node/bin/node');
  await mkdir(dataFolder);
  await mkdir(path.dirname(node), { recursive: true });
  await program(node, process.version);
  return () => rm(scratch, { recursive: true, force: true });
});

/** All that is asked of a Node here is its version. */
function program(file: string, version: string): Promise<void> {
  return writeFile(file, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
}

const keep = (from = node): Promise<string> => keepNode({ dataFolder, node: from, log });

async function inode(file: string): Promise<number> {
  return (await stat(file)).ino;
}

it('a Node that a package manager brought is linked into the data folder once, and outlives it there', async () => {
  const kept = await keep();
  expect(path.relative(dataFolder, kept)).toBe(
    path.join('node', `${process.version}-${process.platform}-${process.arch}`, 'node'),
  );
  const first = await inode(node);
  expect(await inode(kept)).toBe(first);
  await rm(node);
  await program(node, process.version);
  expect(await Promise.all([keep(), keep()])).toEqual([kept, kept]);
  expect(await inode(kept)).toBe(first);
  expect(await readdir(path.join(dataFolder, 'node'))).toEqual([path.basename(path.dirname(kept))]);
  expect(warn).not.toHaveBeenCalled();
});

it('what is there under its name and does not run is replaced', async () => {
  const kept = await keep();
  await rm(kept);
  await writeFile(kept, '');
  await keep();
  expect(await inode(kept)).toBe(await inode(node));
});

it('starts at the same time keep one, whole', async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => keep()));
  expect(new Set(all).size).toBe(1);
  expect(await inode(all[0] ?? '')).toBe(await inode(node));
  expect(await readdir(path.join(dataFolder, 'node'))).toHaveLength(1);
});

/** Linux has it, and it is never the device of the folder for temporary files but by chance. */
const memory = '/dev/shm';
const isOtherDevice = existsSync(memory) && statSync(memory).dev !== statSync(tmpdir()).dev;

it.runIf(isOtherDevice)('one on another device is copied, and runs whatever the umask is', async () => {
  const elsewhere = await mkdtemp(path.join(memory, 'node_modules-'));
  onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
  const other = path.join(elsewhere, 'node_modules/node');
  await mkdir(path.dirname(other));
  await program(other, process.version);
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const kept = await keep(other);
  expect(kept.startsWith(dataFolder)).toBe(true);
  expect((await stat(kept)).mode & 0o777).toBe(0o755);
  expect(await readFile(kept, 'utf8')).toBe(await readFile(other, 'utf8'));
});

it('a Node of the system stays where it is', async () => {
  const system = path.join(dataFolder, 'bin-node');
  await link(node, system);
  expect(await keep(system)).toBe(system);
  expect(await readdir(dataFolder)).toEqual(['bin-node']);
});

it.each([
  ['its folder can not be made', () => writeFile(path.join(dataFolder, 'node'), '')],
  ['an install that runs has not written all of it', () => program(node, '')],
])('one that can not be kept is used where it is, with a warning: %s', async (_name, spoil) => {
  await spoil();
  expect(await keep()).toBe(node);
  expect(warn).toHaveBeenCalledOnce();
  expect(warn.mock.calls[0]?.[1]).toContain('could not keep Node');
});

it('the watcher of PostgreSQL runs on the Node that is named, and one that ends with a fault is told of', async () => {
  await writeFile(node, '#!/bin/sh\nexit 3\n');
  const told = new Promise<Error>((resolve) =>
    startWatcher({ clusterFolder: dataFolder, port: 1 }, resolve, node),
  );
  expect((await told).message).toBe('it ended with 3');
});
