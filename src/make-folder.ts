import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder, and those missing on the way to it, with exactly this mode: what `mkdir` is told the umask cuts, and under one of 077
 * the user that runs PostgreSQL for root could not pass. A folder that is there already keeps its mode.
 */
export async function makeFolder(folder: string, mode: number): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode });
  if (first === undefined) return;
  const top = path.resolve(first);
  for (let made = path.resolve(folder); ; made = path.dirname(made)) {
    await chmod(made, mode);
    if (made === top || made === path.dirname(made)) return;
  }
}
