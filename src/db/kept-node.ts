import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, constants, copyFile, link, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeFolder } from '../make-folder.ts';
import type { DatabaseLog } from './log.ts';

const run = promisify(execFile);

export interface KeepOptions {
  dataFolder: string;
  /** The Node that this process runs on. */
  node: string;
  log: DatabaseLog;
}

/**
 * The Node to start other programs with for as long as this process lives. One that a package manager has brought is pulled away by the next
 * `npm ci`: it is kept in the data folder, by a hard link or, where that is not possible, a copy. Any other Node stays where it is, and so
 * does one that can not be kept, with a warning.
 */
export async function keepNode({ dataFolder, node, log }: KeepOptions): Promise<string> {
  if (!node.split(path.sep).includes('node_modules')) return node;
  const root = path.join(dataFolder, 'node');
  const kept = path.join(root, `${process.version}-${process.platform}-${process.arch}`, 'node');
  try {
    if (!(await isThisNode(kept))) await place(node, kept, root);
    return kept;
  } catch (error) {
    log.warn(
      { err: error, node },
      'could not keep Node in the data folder: pushes fail while "npm ci" runs beside this service',
    );
    return node;
  }
}

/** It appears under its name whole or not at all, so two starts may do it at the same time. */
async function place(node: string, kept: string, root: string): Promise<void> {
  await makeFolder(path.dirname(kept), 0o755);
  const draft = path.join(root, `${randomBytes(4).toString('hex')}.tmp`);
  try {
    await link(node, draft).catch(() => copy(node, draft));
    // An `npm ci` that runs right now may not have written all of it.
    if (!(await isThisNode(draft))) throw new Error(`${node} is not Node ${process.version} any more`);
    await rename(draft, kept);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Another device, or a file of another user that the system does not let us link. */
async function copy(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, 0o755);
}

/** A file that a power cut has emptied, or that may not be run where it is, is not. */
async function isThisNode(file: string): Promise<boolean> {
  return run(file, ['--version'], { cwd: '/', env: {} }).then(
    ({ stdout }) => stdout.trim() === process.version,
    () => false,
  );
}
