import { attributesFile } from './attributes.ts';
import { configEnvironment } from './git-environment.ts';
import { GitError } from './git-error.ts';
import type { MergeEngine, MergeOutcome } from './merge-engine.ts';
import { parseMergeTree } from './merge-tree-output.ts';
import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

/** Merges with the system's git, in memory. Its settings are pinned so that two machines merge the same commits the same way. */
export class GitMergeEngine implements MergeEngine {
  readonly name = 'git';

  async merge(repository: Repository, ours: string, theirs: string): Promise<MergeOutcome> {
    const attributes = await attributesFile(repository, checkObjectId(ours));
    const config: [string, string][] = [
      ['merge.renames', 'true'],
      ['merge.directoryRenames', 'conflict'],
      // Above git's default, so that a large refactoring is still seen as renames instead of as deletions.
      ['merge.renameLimit', '10000'],
      ...(attributes === null ? [] : [['core.attributesFile', attributes] satisfies [string, string]]),
    ];
    const { code, stdout, stderr } = await repository.git(
      ['merge-tree', '--write-tree', '-z', '--messages', ours, checkObjectId(theirs)],
      {
        env: configEnvironment(config),
        answers: [1],
      },
    );
    // A tree that can not be read counts as an empty one there, and the exit code is still 0: content would be merged away.
    const complaint = stderr.split('\n').find((line) => /^(?:error|fatal):/.test(line));
    if (complaint !== undefined)
      throw new GitError('git_failed', `git merge-tree answered, but said ${complaint}`, { stderr });
    return parseMergeTree(stdout, code === 0);
  }
}
