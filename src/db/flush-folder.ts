import { open } from 'node:fs/promises';

/** Puts the names in a folder on the disk: a flushed file whose name was not would be gone after a power cut. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
