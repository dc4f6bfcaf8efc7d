import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file that is made from code and kept in the repository. */
export interface GeneratedDocument {
  /** From the root of the repository. */
  readonly file: string;
  readonly text: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** The files that differ from what the code says now. */
export async function staleDocuments(documents: readonly GeneratedDocument[]): Promise<string[]> {
  const stale: string[] = [];
  for (const { file, text } of documents) {
    const present = await readFile(path.join(root, file), 'utf8').catch(() => null);
    if (present !== text) stale.push(file);
  }
  return stale;
}

/** Writes the documents, or with `--check` only says which are stale, as exit code 1. */
export async function generate(
  documents: readonly GeneratedDocument[],
  args: readonly string[],
): Promise<void> {
  const stale = await staleDocuments(documents);
  if (args.includes('--check')) {
    for (const file of stale)
      console.error(
        `${file} is stale: run \`node ${path.relative(root, process.argv[1] ?? '')}\` and commit it`,
      );
    process.exitCode = stale.length === 0 ? 0 : 1;
    return;
  }
  for (const { file, text } of documents) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  console.log(stale.length === 0 ? 'everything is fresh' : `written: ${stale.join(', ')}`);
}
