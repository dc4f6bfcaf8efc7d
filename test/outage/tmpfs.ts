import { spawnSync } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Wrapper } from '../crash/service-child.ts';

/** As root in a mount namespace; as another user in a user namespace of one's own, where the system allows that. */
const unshare = process.geteuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];

export const canMount =
  spawnSync('unshare', [...unshare, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

/** Runs what follows with a small tmpfs over a folder, which only that process and its children see. */
export function withTmpfs(folder: string, megabytes: number): Wrapper {
  const script = 'mount -t tmpfs -o size="$1",mode=0755 tmpfs "$2" && shift 2 && exec "$@"';
  return [
    'unshare',
    ...unshare,
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    'sh',
    `${megabytes}m`,
    folder,
  ];
}

/** A file that takes all the room there is, in the file system as a process sees it. */
export class Filler {
  readonly #path: string;

  constructor(pid: number, folder: string) {
    this.#path = join(`/proc/${pid}/root`, folder, 'filler');
  }

  async fill(): Promise<void> {
    const file = await open(this.#path, 'a');
    try {
      for (let size = 1024 * 1024; size >= 512;) {
        try {
          await file.appendFile(Buffer.alloc(size));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          size = Math.floor(size / 2);
        }
      }
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
