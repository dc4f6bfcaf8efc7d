/** How long git may take to clean up after SIGTERM before it is killed; its lock is then swept by the lock rule. */
const graceMs = 2_000;

/** Ends a child that leads its own group, with everything it started (ssh, index-pack, hooks): SIGTERM, then SIGKILL. */
export function endGroup(pid: number): void {
  if (!signalGroup(pid, 'SIGTERM')) return;
  setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs).unref();
}

/** False when there is no such group any more. */
function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
