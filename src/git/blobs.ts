import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

/** The contents of some blobs, by id; those that are not here or larger than the limit are left out. */
export async function readBlobs(
  repository: Repository,
  oids: readonly string[],
  maxBytes: number,
): Promise<ReadonlyMap<string, Buffer>> {
  const wanted = [...new Set(oids)].map(checkObjectId);
  const small = await smallBlobs(repository, wanted, maxBytes);
  const blobs = new Map<string, Buffer>();
  if (small.length === 0) return blobs;
  const { stdout } = await repository.git(['cat-file', '--batch'], { stdin: `${small.join('\n')}\n` });
  for (let at = 0; at < stdout.length;) {
    const end = stdout.indexOf(10, at);
    const [oid = '', , size = ''] = stdout.subarray(at, end).toString('latin1').split(' ');
    blobs.set(oid, stdout.subarray(end + 1, end + 1 + Number(size)));
    at = end + 1 + Number(size) + 1;
  }
  return blobs;
}

async function smallBlobs(
  repository: Repository,
  oids: readonly string[],
  maxBytes: number,
): Promise<string[]> {
  if (oids.length === 0) return [];
  const { stdout } = await repository.git(['cat-file', '--batch-check'], { stdin: `${oids.join('\n')}\n` });
  return stdout
    .toString('latin1')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, type, size]) => type === 'blob' && Number(size) <= maxBytes)
    .map(([oid = '']) => oid);
}
