import { isErrno } from './embedded/cluster.ts';
import { EmbeddedRefusal } from './embedded/embedded-refusal.ts';

/** What the system says of a folder that belongs to somebody else, can not be written, or is a file. */
const codes = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'];

const settings = { 'data folder': 'SIGNALBOX_DATA', hub: 'SIGNALBOX_HUB' } as const;

/** Does something in a folder of the service; where the system forbids it, throws `folder_unusable` with the fix. */
export async function refuseUnusable<T>(
  what: keyof typeof settings,
  folder: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !codes.some((code) => isErrno(error, code))) throw error;
    throw new EmbeddedRefusal(
      'folder_unusable',
      `The ${what} in ${folder} can not be used by this user (${error.message}): start as the user who made it, or name another folder in ${settings[what]}.`,
      { cause: error },
    );
  }
}
