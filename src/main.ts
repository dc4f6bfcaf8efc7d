import { existsSync } from 'node:fs';
import closeWithGrace from 'close-with-grace';
import pino from 'pino';
import { type Config, ConfigFaults, readConfig } from './config.ts';
import { DatabaseUnreachable } from './db/database-unreachable.ts';
import { EmbeddedRefusal } from './db/embedded/embedded-refusal.ts';
import { HubRefusal } from './db/hub-identity.ts';
import { GitError } from './git/git-error.ts';
import { PortUnusable } from './http/port.ts';
import { type Service, startService } from './service.ts';

/** Longer than the shortest lease: what the drain could not give back in this time is taken back by others after the lease. */
const closeMs = 15_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  // The log goes to standard error; standard output has the lines a person or a script waits for.
  const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  let starting: Promise<Service> | null = null;
  const closing = closeWithGrace({ delay: closeMs, logger: false }, async ({ err, signal }) => {
    if (err !== undefined) log.fatal({ err }, 'unexpected error; closing');
    else log.info({ signal }, 'closing');
    // A signal may come before everything is open: what is opened has to be closed all the same.
    const service = await starting?.catch(() => null);
    await service?.close();
    log.info({}, 'closed');
  });
  starting = startService({
    config,
    boundary: async () => undefined,
    log,
    onDisplaced: () => closing.close(),
  });
  try {
    announce(await starting, config);
  } catch (error) {
    closing.uninstall();
    throw error;
  }
}

function announce(service: Service, config: Config): void {
  console.log(`Signalbox listens on ${service.url}`);
  console.log(`  API reference  ${service.url}/v1/reference`);
  // Another service on this database may have been first, and has it.
  if (existsSync(service.dataFolder.adminTokenFile))
    console.log(`  admin token    ${service.dataFolder.adminTokenFile}`);
  console.log(
    `  database       ${config.databaseUrl === null ? `embedded, in ${service.dataFolder.path}` : 'as DATABASE_URL says'}`,
  );
}

try {
  await main();
} catch (error) {
  const isExpected =
    error instanceof ConfigFaults ||
    error instanceof EmbeddedRefusal ||
    error instanceof DatabaseUnreachable ||
    error instanceof HubRefusal ||
    error instanceof PortUnusable ||
    (error instanceof GitError && error.code === 'merge_engine_not_installed');
  if (!isExpected) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
