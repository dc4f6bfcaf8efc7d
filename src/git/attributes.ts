import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repository } from './repository.ts';
import { listTree, readBlobs } from './tree.ts';

/**
 * A file with the attributes of a commit's tree, for `core.attributesFile`. Git reads no `.gitattributes` from a tree in a bare
 * repository (before 2.43), so a rule such as `*.md merge=union` would silently not count. A file per content, and not
 * `info/attributes`, because merges of one repository run side by side. Null when the commit has no attributes.
 */
export async function attributesFile(repository: Repository, commit: string): Promise<string | null> {
  const entries = (await listTree(repository, commit)).filter(
    (entry) => entry.type === 'blob' && isAttributes(entry.path),
  );
  if (entries.length === 0) return null;
  const blobs = await readBlobs(
    repository,
    entries.map((entry) => entry.oid),
  );
  // Deeper files win over the ones above them: git takes the last line that matches.
  const ordered = entries
    .map((entry) => ({
      dir: entry.path.toString('utf8').replace(/\/?\.gitattributes$/, ''),
      text: blobs.get(entry.oid)?.toString('utf8') ?? '',
    }))
    .toSorted(
      (left, right) =>
        left.dir.split('/').length - right.dir.split('/').length || left.dir.length - right.dir.length,
    );
  return store(repository, ordered.map(({ dir, text }) => underFolder(dir, text)).join('\n'));
}

function isAttributes(path: Buffer): boolean {
  return (
    path.equals(Buffer.from('.gitattributes')) ||
    path.subarray(-'/.gitattributes'.length).equals(Buffer.from('/.gitattributes'))
  );
}

/** Rewrites the patterns of a folder's file so that they mean the same from the top. */
export function underFolder(dir: string, text: string): string {
  if (dir === '') return text;
  return text
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter(
      (line) => line !== '' && !line.startsWith('#') && !line.startsWith('[attr]') && !line.startsWith('!'),
    )
    .map((line) => {
      const quoted = /^"((?:[^"\\]|\\.)*)"(.*)$/.exec(line);
      const [, pattern = '', rest = ''] = quoted ?? /^(\S+)(.*)$/.exec(line) ?? [];
      const anchored = pattern.slice(0, -1).includes('/')
        ? `${escapeGlob(dir)}/${pattern.replace(/^\//, '')}`
        : `${escapeGlob(dir)}/**/${pattern}`;
      return quoted !== null || /[\s"]/.test(anchored) ? `"${anchored}"${rest}` : `${anchored}${rest}`;
    })
    .join('\n');
}

function escapeGlob(dir: string): string {
  return dir.replace(/[*?[\\]/g, '\\$&');
}

async function store(repository: Repository, text: string): Promise<string> {
  const dir = join(repository.dir, 'signalbox-attributes');
  const path = join(dir, createHash('sha256').update(text).digest('hex'));
  if (await exists(path)) return path;
  await mkdir(dir, { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${text}\n`);
  await rename(draft, path);
  return path;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
