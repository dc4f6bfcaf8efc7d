import pino from 'pino';
import { readConfig } from '../../src/config.ts';
import type { Boundary } from '../../src/git/boundary.ts';
import { startService } from '../../src/service.ts';

/**
 * The service as `main.ts` composes it, but for its kill points: at each of them it asks the test and stands still until it is
 * told to go on. What the test does instead is SIGKILL.
 */
interface Go {
  readonly go: number;
}

let asked = 0;
const waiting = new Map<number, () => void>();
process.on('message', ({ go }: Go) => {
  waiting.get(go)?.();
  waiting.delete(go);
});
// A service whose test is gone has nobody to ask.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const boundary: Boundary = (point) =>
  new Promise((resolve) => {
    asked += 1;
    waiting.set(asked, resolve);
    process.send?.({ point, number: asked });
  });

const config = readConfig(process.env);
const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
const service = await startService({
  config,
  boundary,
  log,
  // Where the folder for temporary files is another device, keeping it would be a copy of a hundred megabytes for each of them.
  node: process.execPath,
  onDisplaced: () => process.kill(process.pid, 'SIGKILL'),
});
process.send?.({ url: service.url, adminTokenFile: service.dataFolder.adminTokenFile });
