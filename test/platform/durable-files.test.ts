import { fstatSync } from 'node:fs';
import { chmod, type FileHandle, mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDataFolder } from '../../src/db/data-folder.ts';
import type { Binaries } from '../../src/db/embedded/binaries.ts';
import { createCluster } from '../../src/db/embedded/cluster.ts';

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'signalbox-durable-'));
  return () => rm(scratch, { recursive: true, force: true });
});

/** The inodes that this process has flushed from now on. */
async function watchSync(): Promise<Set<number>> {
  const handle = await open(scratch, 'r');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const original = Reflect.get(prototype, 'sync');
  const flushed = new Set<number>();
  const spy = vi.spyOn(prototype, 'sync').mockImplementation(function (this: FileHandle) {
    flushed.add(fstatSync(this.fd).ino);
    return Reflect.apply(original, this, []);
  });
  onTestFinished(() => spy.mockRestore());
  return flushed;
}

/** An initdb that makes as much of a cluster as is looked at, and does `more` besides. */
async function makeInitdb(more = ''): Promise<Binaries> {
  const initdb = path.join(scratch, 'initdb');
  await writeFile(initdb, `#!/bin/sh\nfolder=\${1#--pgdata=}\necho 18 >"$folder/PG_VERSION"\n${more}\n`);
  await chmod(initdb, 0o755);
  return { version: '18', folder: scratch, initdb, postgres: '' };
}

describe('what must survive a power cut', () => {
  it('of a cluster is on the disk before the cluster is used: its credentials, its name', async () => {
    const flushed = await watchSync();
    const { folder } = await createCluster(path.join(scratch, 'cluster'), await makeInitdb(), null);
    for (const file of [path.join(folder, 'credentials.json'), folder, scratch])
      expect(flushed, file).toContain((await stat(file)).ino);
  });

  it('of a data folder is on the disk before the folder is used: its id, its name', async () => {
    const flushed = await watchSync();
    const { path: folder } = await openDataFolder(path.join(scratch, 'data'));
    for (const file of [path.join(folder, 'instance-id'), folder])
      expect(flushed, file).toContain((await stat(file)).ino);
  });
});

describe('a cluster that another start has made meanwhile', () => {
  it('is used, whatever became of the own one', async () => {
    const cluster = path.join(scratch, 'cluster');
    await mkdir(path.join(cluster, 'data'), { recursive: true });
    await writeFile(path.join(cluster, 'data/PG_VERSION'), '18\n');
    const credentials = { user: 'signalbox', password: 'theirs', secret: 'theirs' };
    await writeFile(path.join(cluster, 'credentials.json'), JSON.stringify(credentials));
    for (const more of ['', 'rm -r "${folder%/data}"', 'exit 1'])
      expect((await createCluster(cluster, await makeInitdb(more), null)).credentials).toEqual(credentials);
    expect((await readdir(scratch)).toSorted()).toEqual(['cluster', 'initdb']);
  });
});
