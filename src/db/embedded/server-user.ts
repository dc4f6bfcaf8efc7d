import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The operating system's user that runs PostgreSQL, which refuses to run as root. */
export interface ServerUser {
  name: string;
  uid: number;
  gid: number;
}

const ownUser = 'signalbox';

/** Null when this process is an ordinary user, who runs the server himself. */
export async function findServerUser(): Promise<ServerUser | null> {
  if (process.geteuid?.() !== 0) return null;
  // Two first starts at the same time both try to add the user, and one finds /etc/passwd locked.
  for (let attempt = 0; attempt < 5; attempt++) {
    const known = await lookUp(ownUser);
    if (known !== null) return known;
    const added = await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/bin/false',
      ownUser,
    ]).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') attempt = 5;
        return false;
      },
    );
    if (!added) await delay(200);
  }
  // No useradd here (macOS, small images): the user that exists everywhere and owns nothing.
  const nobody = await lookUp('nobody');
  if (nobody === null)
    throw new Error(
      'running as root, and there is neither a way to add a user for PostgreSQL nor a user "nobody"',
    );
  return nobody;
}

async function lookUp(name: string): Promise<ServerUser | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

/** Whether `user` may enter every folder on the way to `folder`; asked of the system itself, which knows about groups and ACLs. */
export async function canEnter(user: ServerUser, folder: string): Promise<boolean> {
  return run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { uid: user.uid, gid: user.gid, cwd: '/' }).then(
    () => true,
    () => false,
  );
}
