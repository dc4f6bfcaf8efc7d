import { checkObjectId } from './ref-name.ts';
import type { Repository } from './repository.ts';

export interface CommitSummary {
  oid: string;
  subject: string;
  author: string;
  /** Null where the commit has a time that is none. */
  authoredAt: Date | null;
}

/** Commits in `to` that are in none of `from`, newest first, no more than `limit`; `more` says that there are others. */
export async function newCommits(
  repository: Repository,
  from: readonly string[],
  to: string,
  limit: number,
): Promise<{ commits: CommitSummary[]; more: boolean }> {
  const { stdout } = await repository.git(
    [
      'rev-list',
      // A clock that was wrong must not put a commit below its own parent.
      '--date-order',
      `--max-count=${limit + 1}`,
      '--no-commit-header',
      '--encoding=UTF-8',
      '--format=tformat:%H%x00%at%x00%an%x00%s',
      '--stdin',
    ],
    { stdin: `${checkObjectId(to)}\n${from.map((oid) => `^${checkObjectId(oid)}\n`).join('')}` },
  );
  // Neither a name nor a subject has a line feed in it.
  const lines = stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  return { commits: lines.slice(0, limit).map(summaryOf), more: lines.length > limit };
}

function summaryOf(line: string): CommitSummary {
  const [oid = '', seconds = '', author = '', subject = ''] = line.split('\0');
  const authoredAt = new Date(seconds === '' ? NaN : Number(seconds) * 1_000);
  return { oid, subject, author, authoredAt: Number.isNaN(authoredAt.getTime()) ? null : authoredAt };
}
