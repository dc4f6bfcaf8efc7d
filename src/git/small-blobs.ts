import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';
import { readBlobs } from './tree.ts';

/** The contents of some blobs, by id; those that are not here or larger than the limit are left out. */
export async function readSmallBlobs(
  repository: Repository,
  oids: readonly string[],
  maxBytes: number,
): Promise<ReadonlyMap<string, Buffer>> {
  if (oids.length === 0) return new Map();
  const stdin = [...new Set(oids)].map((oid) => `${checkObjectId(oid)}\n`).join('');
  const { stdout } = await repository.git(['cat-file', '--batch-check'], { stdin });
  const small = stdout
    .toString('latin1')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, type, size]) => type === 'blob' && Number(size) <= maxBytes)
    .map(([oid = '']) => oid);
  return readBlobs(repository, small);
}
