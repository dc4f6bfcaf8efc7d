import { chmod, open, readFile, rename } from 'node:fs/promises';

/** The token in the file, or null when there is no file. */
export async function readTokenFile(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Writes the token so that the file is whole or absent, and readable by its owner alone from its first byte on. */
export async function writeTokenFile(file: string, secret: string): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', 0o600);
  try {
    // `open` leaves the mode of a file that an earlier crash left behind as it was.
    await chmod(draft, 0o600);
    await handle.writeFile(`${secret}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
