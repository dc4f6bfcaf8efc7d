import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process and when it started: a pid alone may be another program's by now. */
export interface ProcessIdentity {
  pid: number;
  /** In the system's own unit; only ever compared for equality. Empty when it could not be read. */
  startedAt: string;
  host: string;
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, startedAt: startTime(pid), host: hostIdentity() };
}

/** The machine's name and boot: a pid from before a reboot says nothing. */
let host: string | undefined;
function hostIdentity(): string {
  host ??= `${hostname()}/${bootId()}`;
  return host;
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name is in parentheses and may hold anything; the 22nd field counts from after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    if (process.platform === 'linux') return '';
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/** Whether a process was noted under another machine's name, or by a container that had another one: nobody here can ask after it. */
export function isElsewhere({ host: recorded }: ProcessIdentity): boolean {
  return recorded.split('/')[0] !== hostIdentity().split('/')[0];
}

/**
 * Whether anything of the process group this child led can still run. Only "no" is certain: a group of another machine counts as
 * alive. The system gives a pid that is still some group's id to nobody, so another start time means the group is gone.
 */
export function groupMayBeAlive(leader: ProcessIdentity): boolean {
  if (isElsewhere(leader)) return true;
  if (leader.host !== hostIdentity()) return false;
  try {
    process.kill(-leader.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
  const now = startTime(leader.pid);
  return now === '' || leader.startedAt === '' || now === leader.startedAt;
}
