import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { DatabaseLog } from '../log.ts';
import { isErrno } from './cluster.ts';
import { EmbeddedRefusal } from './embedded-refusal.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import { removeLeftovers } from './leftovers.ts';
import { type PlacedCluster, placeCluster } from './placement.ts';
import { clusterUrl, startPostmaster } from './postmaster.ts';
import { findRunningServer, portFile, readPortFile, removeForeignPidFile } from './running-server.ts';
import { ServerSession } from './server-session.ts';
import { startWatcher } from './start-watcher.ts';

export interface EmbeddedOptions {
  dataFolder: string;
  log: DatabaseLog;
  /** The Node that the watcher runs on; this process's own when not stated. */
  node?: string;
  /** Where a cluster goes that can not live in the data folder; stated by tests. */
  systemRoot?: string;
  /** How long a server without a client session lives. */
  idleMs?: number;
}

export interface EmbeddedPostgres {
  /** The service's database, as the owner of the cluster. */
  readonly url: string;
  readonly port: number;
  /** Why the server is down and can not be started again; null while it is up, or is being started. */
  trouble(): string | null;
  /** For the one service of the data folder. */
  removeLeftovers(): Promise<void>;
  /** Lets the server go; the last one that does stops it. */
  close(): Promise<void>;
}

const database = 'signalbox';
/** Recovery after a crash reads the whole log since the last checkpoint, so a start may take a while. */
const startMs = 120_000;
/** A port that was just left may be held for a moment; after this many tries another one is taken. */
const samePortTries = 5;

/** Adopts the data folder's running PostgreSQL or starts it, and keeps it running until `close`. */
export async function openEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const placed = await placeCluster(options.dataFolder, options.systemRoot);
  const port = await join(placed, options);
  const session = new ServerSession({
    url: clusterUrl(placed.cluster, port, 'postgres'),
    log: options.log,
    revive: () => startAgain(placed, port, options),
  });
  // Between `join` and here the last other user may have stopped the server; the session starts it again like any server that died.
  await session.open();
  await ensureDatabase(clusterUrl(placed.cluster, port, 'postgres'));
  return {
    url: clusterUrl(placed.cluster, port, database),
    port,
    trouble: () => session.trouble,
    removeLeftovers: () => removeLeftovers(placed.home),
    close: () => session.close(),
  };
}

async function join(placed: PlacedCluster, options: EmbeddedOptions): Promise<number> {
  const { cluster } = placed;
  const deadline = Date.now() + startMs;
  let taken = 0;
  for (;;) {
    const found = await findRunningServer(cluster);
    if (found.state === 'running') {
      options.log.info({ port: found.port }, 'adopted the running PostgreSQL');
      watch(placed, found.port, options);
      return found.port;
    }
    if (found.state === 'none') {
      const last = taken < samePortTries ? await readPortFile(cluster) : null;
      const port = last ?? (await findFreePort());
      if ((await isPortFree(port)) && (await start(placed, port, options))) return port;
      taken++;
    }
    if (Date.now() > deadline)
      throw new EmbeddedRefusal(
        'postgres_did_not_start',
        `PostgreSQL is neither up nor startable after ${startMs / 1000} s; see ${cluster.log}`,
      );
    await delay(100);
  }
}

/** False when another postmaster has the data folder or the port: look again. */
async function start(placed: PlacedCluster, port: number, options: EmbeddedOptions): Promise<boolean> {
  const { cluster, binaries, user } = placed;
  await removeForeignPidFile(cluster);
  // The watcher first: a SIGKILL of this process while the server recovers must not leave it without one.
  const started = await startPostmaster(binaries, cluster, port, user, {
    onSpawned: (pid) => watch(placed, port, options, pid),
  });
  if (started.result === 'failed')
    throw new EmbeddedRefusal(
      'postgres_did_not_start',
      `PostgreSQL does not start: ${started.log.trim().split('\n').slice(-3).join(' ')} (log: ${cluster.log})`,
    );
  if (started.result === 'taken') return false;
  await writeFile(portFile(cluster), `${port}\n`).catch((error: unknown) => {
    // Only a hint, and a full disk must not keep a running server from being used.
    options.log.warn({ err: error }, 'could not note the port of PostgreSQL');
  });
  options.log.info({ port, folder: cluster.folder }, 'started PostgreSQL');
  return true;
}

/** Called when the server is gone under a living service. The pools know one port, so it has to be that one. */
async function startAgain(placed: PlacedCluster, port: number, options: EmbeddedOptions): Promise<void> {
  const found = await findRunningServer(placed.cluster);
  if (found.state === 'busy') return;
  if (found.state === 'running') {
    if (found.port === port) return;
    throw new EmbeddedRefusal(
      'postgres_did_not_start',
      `PostgreSQL was started on another port (${found.port}) by somebody else: start this service again to use that one.`,
    );
  }
  if ((await isPortFree(port)) && (await start(placed, port, options))) return;
  // Another service of this folder may have been faster.
  if ((await isPortFree(port)) || (await findRunningServer(placed.cluster)).state !== 'none') return;
  throw new EmbeddedRefusal(
    'postgres_did_not_start',
    `Port ${port} of 127.0.0.1, where PostgreSQL was, is taken by another program: end that one, or start this service again, which takes another port.`,
  );
}

function watch(placed: PlacedCluster, port: number, options: EmbeddedOptions, pid?: number): void {
  startWatcher(
    { clusterFolder: placed.cluster.folder, port, pid, idleMs: options.idleMs },
    (error) => options.log.warn({ err: error }, 'the watcher of PostgreSQL did not start'),
    options.node,
  );
}

async function ensureDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${database}`);
  } catch (error) {
    // 42P04, 23505: somebody else made it meanwhile.
    if (!isErrno(error, '42P04') && !isErrno(error, '23505')) throw error;
  } finally {
    await client.end();
  }
}
