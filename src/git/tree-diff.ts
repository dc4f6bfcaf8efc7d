import { pathName } from './path-name.ts';
import { checkObjectId } from './ref-name.ts';
import { type Repository, splitNul } from './repository.ts';

/** One path that differs between two trees: mode and object on both sides, zeros where it is not there. */
export interface TreeChange {
  readonly oldMode: string;
  readonly newMode: string;
  readonly oldOid: string;
  readonly newOid: string;
}

/** Every path that differs between two commits or trees, by name; a rename is a path that went and one that came. */
export async function treeDiff(
  repository: Repository,
  from: string,
  to: string,
): Promise<ReadonlyMap<string, TreeChange>> {
  const { stdout } = await repository.git([
    'diff-tree',
    '-r',
    '-z',
    '--raw',
    '--no-abbrev',
    '--no-renames',
    checkObjectId(from),
    checkObjectId(to),
  ]);
  const fields = splitNul(stdout);
  const changes = new Map<string, TreeChange>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [meta = '', path] = [fields[at]?.toString('latin1'), fields[at + 1]];
    const [oldMode = '', newMode = '', oldOid = '', newOid = ''] = meta.replace(/^:/, '').split(' ');
    if (path !== undefined) changes.set(pathName(path), { oldMode, newMode, oldOid, newOid });
  }
  return changes;
}
