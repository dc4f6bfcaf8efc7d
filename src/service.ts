import { isIPv6 } from 'node:net';
import type { Logger } from 'pino';
import { type App, createApp } from './app.ts';
import type { Config } from './config.ts';
import { type DataFolder, openDataFolder } from './db/data-folder.ts';
import { DataFolderLock } from './db/data-folder-lock.ts';
import { DatabaseUnreachable } from './db/database-unreachable.ts';
import { openDatabase } from './db/database.ts';
import { type EmbeddedPostgres, openEmbeddedPostgres } from './db/embedded/embedded-postgres.ts';
import { hasCluster } from './db/embedded/placement.ts';
import { keepNode } from './db/kept-node.ts';
import { bindHub, checkHub, foreignHub, readHubId } from './db/hub-identity.ts';
import type { Boundary } from './git/boundary.ts';
import { onPort, tryPort } from './http/port.ts';

export interface ServiceOptions {
  config: Config;
  /** The kill points of landing and delivery; only tests give one that does something. */
  boundary: Boundary;
  log: Logger;
  /** The Node that hooks and helpers run on; otherwise ours, kept where no `npm ci` takes it away. Tests save the keeping. */
  node?: string;
  /** Another service has this data folder now: the process has to end. */
  readonly onDisplaced: () => void;
}

export interface Service {
  readonly url: string;
  readonly dataFolder: DataFolder;
  close(): Promise<void>;
}

/** Undo steps of what is open so far, run from the newest to the oldest, all of them, whatever one of them throws. */
class Opened {
  readonly #steps: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#steps.push(close);
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'the service did not close cleanly');
  }
}

/** Everything between the configuration and the listening port, in order; what was opened is closed again when a later step fails. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const opened = new Opened();
  try {
    return await openAll(options, opened);
  } catch (error) {
    await opened
      .close()
      .catch((closeError: unknown) => options.log.error({ err: closeError }, 'closing after a failed start'));
    throw error;
  }
}

async function openAll(
  { config, boundary, log, node: stated, onDisplaced }: ServiceOptions,
  opened: Opened,
): Promise<Service> {
  const dataFolder = await openDataFolder(config.dataFolder, config.hubFolder);
  const node = stated ?? (await keepNode({ dataFolder: dataFolder.path, node: process.execPath, log }));
  const server =
    config.databaseUrl === null
      ? await openOwnServer(dataFolder, node, log, opened)
      : { url: config.databaseUrl, trouble: () => null, removeLeftovers: async () => undefined };
  const databaseUrl = server.url;
  const database = await openDatabase({ url: databaseUrl, poolSize: config.poolSize, log }).catch(
    (error: unknown) => {
      throw config.databaseUrl === null ? error : new DatabaseUnreachable(config.databaseUrl, error);
    },
  );
  opened.add(() => database.close());
  const lock = await DataFolderLock.take({
    databaseUrl,
    instanceId: dataFolder.instanceId,
    folder: dataFolder.path,
    log,
    onLost: onDisplaced,
  });
  opened.add(() => lock.release());
  // After the lock: that another service has the folder says more than that it has the port.
  await tryPort(config);
  await server.removeLeftovers();
  await checkHub(database.sql, dataFolder.hub);
  await database.migrate();
  await bindHub(database.sql, dataFolder.hub);

  let url = config.publicUrl ?? '';
  const app = await createApp({
    config,
    database,
    dataFolder,
    claim: lock.claim,
    serverTrouble: () => server.trouble(),
    boundary,
    node,
    log,
    publicUrl: () => url,
  });
  opened.add(() => closeApp(app));
  await app.start();
  await onPort(config, app.server.listen({ host: config.host, port: config.port }));
  const listening = urlOf(app, config);
  url = config.publicUrl ?? listening;
  await lock.announce(listening);
  return { url, dataFolder, close: () => opened.close() };
}

async function openOwnServer(
  dataFolder: DataFolder,
  node: string,
  log: Logger,
  opened: Opened,
): Promise<EmbeddedPostgres> {
  // A hub that is in use belongs to a database that is there already: no new one is made beside it.
  if ((await readHubId(dataFolder.hub)) !== null && !(await hasCluster(dataFolder.path)))
    throw foreignHub(dataFolder.hub);
  const server = await openEmbeddedPostgres({ dataFolder: dataFolder.path, node, log });
  opened.add(() => server.close());
  return server;
}

/** No new requests first, then the runtime gives back what it was doing. */
async function closeApp(app: App): Promise<void> {
  await app.server.close();
  await app.stop();
}

function urlOf(app: App, config: Config): string {
  const address = app.server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
