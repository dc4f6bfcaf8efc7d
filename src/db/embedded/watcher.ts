/**
 * A process of its own that outlives the service: `node watcher.ts '{"clusterFolder":…,"port":…}'`. It stops a server that has had no client
 * session for a minute, which is what a SIGKILLed service leaves behind, and ends with the server.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { readCluster } from './cluster.ts';
import { clusterUrl } from './postmaster.ts';
import { serverLock, stopServerOf, watcherLock } from './running-server.ts';

const settings = z.object({
  clusterFolder: z.string(),
  port: z.number(),
  pid: z.number().optional(),
  idleMs: z.number().default(60_000),
});

/** A server that crashed may be started again by a living service, which also starts a watcher; this one need not wait long. */
const lostTries = 10;

async function main(): Promise<void> {
  const { clusterFolder, port, pid, idleMs } = settings.parse(JSON.parse(process.argv[2] ?? '{}'));
  const cluster = await readCluster(clusterFolder);
  if (cluster === null) return;
  const url = clusterUrl(cluster, port, 'postgres');
  for (let lost = 0; lost < lostTries;) {
    const ended = await watchOneConnection(url, idleMs).catch(() => false);
    if (ended) return;
    await delay(1_000);
    // A server that recovers lets nobody in, however long that takes.
    if (pid === undefined || !isAlive(pid)) lost++;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // EPERM, too: the postmaster is one that this user may signal, so this is another program.
    return false;
  }
}

/** True when there is nothing left to watch; throws when the connection is lost. */
async function watchOneConnection(url: string, idleMs: number): Promise<boolean> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'signalbox watcher',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ only: boolean }>('SELECT pg_try_advisory_lock($1) AS only', [
      watcherLock,
    ]);
    if (rows[0]?.only !== true) return true;
    let idleSince = Date.now();
    for (;;) {
      if (await hasClients(client)) idleSince = Date.now();
      else if (Date.now() - idleSince >= idleMs && (await stopIfUnused(client))) return true;
      await delay(Math.min(5_000, idleMs / 4));
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function hasClients(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ others: number }>(
    `SELECT count(*)::int AS others FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );
  return (rows[0]?.others ?? 0) > 0;
}

/** A service that joins in this very moment holds the shared lock, and the server stays. */
async function stopIfUnused(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ unused: boolean }>('SELECT pg_try_advisory_lock($1) AS unused', [
    serverLock,
  ]);
  if (rows[0]?.unused !== true) return false;
  await stopServerOf(client);
  return true;
}

await main();
