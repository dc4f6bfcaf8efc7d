import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { installBinaries } from '../../src/db/embedded/binaries.ts';
import { type Cluster, createCluster } from '../../src/db/embedded/cluster.ts';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import {
  clusterUrl,
  readPidFile,
  startPostmaster,
  stopPostmaster,
} from '../../src/db/embedded/postmaster.ts';
import { findServerUser } from '../../src/db/embedded/server-user.ts';
import { startWatcher } from '../../src/db/embedded/start-watcher.ts';

export interface OwnServerOptions {
  /** Where the cluster is made (a tmpfs, say); otherwise a new folder under the system's temporary one. */
  folder?: string;
  /** Where PostgreSQL's programs are copied to, or already are. */
  binariesRoot?: string;
  settings?: Readonly<Record<string, string>>;
}

export interface OwnServer {
  readonly port: number;
  readonly cluster: Cluster;
  /** The superuser's address of a database of this server. */
  urlOf(database: string): string;
  /** Fast shutdown: sessions are cut, data is kept. */
  stop(): Promise<void>;
  /** SIGKILL of the postmaster, the closest thing to a power cut without one. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and removes its folder. */
  close(): Promise<void>;
}

/** A PostgreSQL of its own, for tests that stop it, fill it or kill it, and for whoever can not share one. */
export async function startPrivateServer(options: OwnServerOptions = {}): Promise<OwnServer> {
  const root = await mkdtemp(path.join(tmpdir(), 'signalbox-pg-'));
  // mkdtemp makes it 0700, and as root the server runs as another user.
  await chmod(root, 0o755);
  const user = await findServerUser();
  const binaries = await installBinaries(options.binariesRoot ?? root);
  const cluster = await createCluster(path.join(options.folder ?? root, 'cluster'), binaries, user);
  const port = await findFreePort();

  // Keeps the watcher from stopping a server that no test happens to use for a minute; a killed run lets go of it.
  let session: pg.Client | null = null;

  const start = async (): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      const started = await startPostmaster(binaries, cluster, port, user, {
        settings: options.settings,
      });
      if (started.result === 'ready') break;
      if (attempt === 20) throw new Error(`PostgreSQL does not start on port ${port}: ${started.log}`);
    }
    session = new pg.Client({ connectionString: clusterUrl(cluster, port, 'postgres') });
    session.on('error', () => undefined);
    await session.connect();
    startWatcher({ clusterFolder: cluster.folder, port }, () => undefined);
  };
  const end = async (signal: 'SIGINT' | 'SIGKILL'): Promise<void> => {
    await session?.end().catch(() => undefined);
    session = null;
    const running = await readPidFile(cluster);
    if (running !== null) await stopPostmaster(running.pid, signal);
  };
  const stop = (): Promise<void> => end('SIGINT');
  const server: OwnServer = {
    port,
    cluster,
    urlOf: (database) => clusterUrl(cluster, port, database),
    stop,
    kill: () => end('SIGKILL'),
    start,
    async close() {
      await stop();
      await rm(cluster.folder, { recursive: true, force: true });
      await rm(root, { recursive: true, force: true });
    },
  };
  await start();
  return server;
}
