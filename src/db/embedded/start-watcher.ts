import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface WatcherSettings {
  clusterFolder: string;
  port: number;
  /** The postmaster, when it has only just been started: the watcher waits for it as long as it lives. */
  pid?: number | undefined;
  /** How long the server may be without a client session; a minute when not stated. */
  idleMs?: number | undefined;
}

/** Starts the watcher in a session of its own. If the server has one already, the new one ends by itself. */
export function startWatcher(
  settings: WatcherSettings,
  onError: (error: Error) => void,
  node = process.execPath,
): void {
  const script = fileURLToPath(new URL('./watcher.ts', import.meta.url));
  spawn(node, [script, JSON.stringify(settings)], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    env: {},
  })
    .on('error', onError)
    // While `npm ci` runs, its packages may be missing.
    .on('exit', (code) => {
      if (code !== null && code !== 0) onError(new Error(`it ended with ${code}`));
    })
    .unref();
}
