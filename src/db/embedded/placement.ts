import { randomUUID } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../../make-folder.ts';
import { flushFolder } from '../flush-folder.ts';
import { refuseUnusable } from '../folder-refusal.ts';
import { type Binaries, installBinaries } from './binaries.ts';
import { type Cluster, createCluster, isErrno, readCluster } from './cluster.ts';
import { EmbeddedRefusal } from './embedded-refusal.ts';
import { canEnter, findServerUser, type ServerUser } from './server-user.ts';

export interface PlacedCluster {
  /** What has the cluster and PostgreSQL's programs, and nothing else. */
  home: string;
  cluster: Cluster;
  binaries: Binaries;
  user: ServerUser | null;
}

/** Where clusters go that can not live in the data folder. */
const defaultSystemRoot = '/var/lib/signalbox';

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Finds the data folder's cluster or makes it. It lives in `<data folder>/postgresql`, except where root runs the service in a folder that
 * PostgreSQL's unprivileged user can not enter: then in `<system root>/<id>`, and the data folder has the id. What exists is never made again.
 */
export async function placeCluster(
  dataFolder: string,
  systemRoot = defaultSystemRoot,
): Promise<PlacedCluster> {
  const user = await findServerUser();
  const idFile = path.join(dataFolder, 'postgresql-id');
  const home = path.join(dataFolder, 'postgresql');
  const known = (await readId(idFile)) ?? null;
  if (known !== null)
    return withLog(dataFolder, await openElsewhere(path.join(systemRoot, known), idFile, user));

  const existing = await readCluster(path.join(home, 'cluster'));
  if (existing !== null) {
    if (user !== null && !(await canEnter(user, existing.folder)))
      throw new EmbeddedRefusal(
        'postgres_data_unreachable',
        `The database is in ${existing.folder}, which the user "${user.name}" that runs PostgreSQL for root can not enter any more. Nothing was changed: let others enter the folders above it (chmod o+x), or start as the user who made it.`,
      );
    return withLog(dataFolder, {
      home,
      cluster: existing,
      binaries: await matchingBinaries(existing, home),
      user,
    });
  }

  await refuseUnusable('data folder', dataFolder, () => makeFolder(home, 0o755));
  if (user === null || (await canEnter(user, home))) {
    const binaries = await installBinaries(home);
    return withLog(dataFolder, {
      home,
      cluster: await createCluster(path.join(home, 'cluster'), binaries, user),
      binaries,
      user,
    });
  }
  return withLog(dataFolder, await createElsewhere(systemRoot, idFile, user));
}

/** Whether the data folder has a database, wherever it is, also one that this user can not look at. Makes nothing. */
export async function hasCluster(dataFolder: string): Promise<boolean> {
  const found = await Promise.allSettled(
    ['postgresql-id', 'postgresql/cluster'].map((name) => access(path.join(dataFolder, name))),
  );
  return found.some((asked) => asked.status === 'fulfilled' || !isErrno(asked.reason, 'ENOENT'));
}

async function openElsewhere(home: string, idFile: string, user: ServerUser | null): Promise<PlacedCluster> {
  const cluster = await readCluster(path.join(home, 'cluster'));
  if (cluster === null)
    throw new EmbeddedRefusal(
      'postgres_data_missing',
      `${idFile} says that the database is in ${home}, and it is not there. Nothing was made in its place: restore that folder, or delete ${idFile} if the data is really gone.`,
    );
  return { home, cluster, binaries: await matchingBinaries(cluster, home), user };
}

/** The id is written when the cluster is whole: a crash on the way leaves an orphan folder, never an id that points nowhere. */
async function createElsewhere(systemRoot: string, idFile: string, user: ServerUser): Promise<PlacedCluster> {
  const id = randomUUID();
  const home = path.join(systemRoot, id);
  const made = await createAt(home, user).catch(async (error: unknown) => {
    // Nobody would find it again.
    await rm(home, { recursive: true, force: true });
    throw error;
  });
  try {
    await writeFile(idFile, `${id}\n`, { flag: 'wx', flush: true });
    await flushFolder(path.dirname(idFile));
    return made;
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    // Another first start was faster; nobody has used ours.
    await rm(home, { recursive: true, force: true });
    return openElsewhere(path.join(systemRoot, (await readId(idFile)) ?? id), idFile, user);
  }
}

async function createAt(home: string, user: ServerUser): Promise<PlacedCluster> {
  await makeFolder(home, 0o755);
  if (!(await canEnter(user, home)))
    throw new EmbeddedRefusal(
      'postgres_data_unreachable',
      `The user "${user.name}" that runs PostgreSQL for root can enter neither the data folder nor ${home}: let others enter one of them (chmod o+x), or name a server in DATABASE_URL.`,
    );
  const binaries = await installBinaries(home);
  return { home, cluster: await createCluster(path.join(home, 'cluster'), binaries, user), binaries, user };
}

async function readId(file: string): Promise<string | null> {
  try {
    const id = (await readFile(file, 'utf8')).trim();
    if (idPattern.test(id)) return id;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
  throw new EmbeddedRefusal(
    'postgres_data_missing',
    `${file} does not hold the id of a database folder. Nothing was made in its place: restore the file from a backup, or delete it if the data is really gone.`,
  );
}

/** Another major version can not read the data, and PostgreSQL would only say so in its log. */
async function matchingBinaries(cluster: Cluster, root: string): Promise<Binaries> {
  const found = await dataVersion(cluster);
  const binaries = await installBinaries(root);
  const [ours] = binaries.version.split('.');
  if (found !== ours)
    throw new EmbeddedRefusal(
      'postgres_other_version',
      `The database in ${cluster.data} was made by PostgreSQL ${found}, and this release has PostgreSQL ${ours}. Nothing was changed: start the release that made it, dump the data, and load it into a new data folder.`,
    );
  return binaries;
}

/** As root under a 0700 data folder owned by another user this file is still readable; as another user it is not, and that is said. */
async function dataVersion(cluster: Cluster): Promise<string> {
  const file = path.join(cluster.data, 'PG_VERSION');
  await access(file).catch((error: unknown) => {
    throw new EmbeddedRefusal(
      'postgres_data_unreachable',
      `${file} can not be read as this user. Nothing was changed: start as the user who made the data folder.`,
      { cause: error },
    );
  });
  return (await readFile(file, 'utf8')).trim();
}

function withLog(dataFolder: string, placed: PlacedCluster): PlacedCluster {
  return { ...placed, cluster: { ...placed.cluster, log: path.join(dataFolder, 'postgresql.log') } };
}
