import { devNull } from 'node:os';
import { emptyTree } from './empty-tree.ts';
import { configEnvironment } from './git-environment.ts';

/**
 * Options of every diff that a person or a rule judges by. What they name is pinned, so that no config of a repository and no later
 * default of git changes what a review shows.
 */
export const diffOptions: readonly string[] = [
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--no-relative',
  '--ignore-submodules=none',
  '--submodule=short',
  '--diff-algorithm=myers',
  '--indent-heuristic',
  '--inter-hunk-context=0',
  '--src-prefix=a/',
  '--dst-prefix=b/',
];

/**
 * What has no option. Attributes do not count: `*.ts -diff` in a reviewed commit would hide every change behind the word "binary".
 * (Only `info/attributes` of the repository itself can not be turned off; nothing that is pushed gets there.)
 */
export function diffEnvironment(like: string): Record<string, string> {
  return configEnvironment([
    ['core.attributesFile', devNull],
    // From 2.43 on git can read the attributes of a tree in a bare repository, and for some versions does so of HEAD's.
    ['attr.tree', emptyTree(like)],
    ['core.quotePath', 'true'],
    ['core.bigFileThreshold', '512m'],
    ['diff.suppressBlankEmpty', 'false'],
    ['diff.default.binary', 'auto'],
  ]);
}
