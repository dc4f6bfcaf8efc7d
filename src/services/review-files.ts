import type { ChangedFile } from '../git/changed-files.ts';
import { pathName } from '../git/path-name.ts';
import type { ChangesByTask } from './changes-by-task.ts';
import type { ComparedFiles } from './compared-files.ts';
import { gitRefusal } from './git-refusal.ts';
import { pinnedTo } from './pinned-cursor.ts';
import type { ComparedProject, Comparison, ReviewComparisons } from './review-comparison.ts';
import type { Kind } from './shapes/actor.ts';
import type {
  ChangedFileView,
  ReviewFilesPage,
  ReviewFilesQuery,
  TaskBehind,
} from './shapes/review-files.ts';
import type { Principal } from './shapes/token.ts';

interface Deps {
  readonly comparisons: ReviewComparisons;
  readonly files: ComparedFiles;
  readonly tasks: ChangesByTask;
}

interface Listed extends ComparedProject {
  readonly files: readonly ChangedFile[];
}

/** The changed files of a review, page by page, and who changed them. */
export class ReviewFiles {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async page(
    kind: Kind,
    id: string,
    query: ReviewFilesQuery,
    principal: Principal,
  ): Promise<ReviewFilesPage> {
    const { project, since, after, limit } = query;
    try {
      const comparison = await this.#deps.comparisons.compare({ kind, id, project, since, principal });
      const listed: Listed[] = [];
      for (const compared of comparison.projects)
        listed.push({ ...compared, files: await this.#deps.files.of(compared) });
      const total = listed.reduce((sum, { files }) => sum + files.length, 0);
      const list = pinnedTo('files', ...comparedBy(comparison));
      const offset = list.offset(after, total);
      const end = Math.min(offset + limit, total);
      return {
        ...reviewOf(comparison),
        projects: listed.map(totalsOf),
        files: await this.#views(comparison, cut(listed, offset, end)),
        next: end < total ? list.cursor(end) : null,
      };
    } catch (error) {
      throw gitRefusal(error);
    }
  }

  async #views({ review }: Comparison, listed: readonly Listed[]): Promise<ChangedFileView[]> {
    const behind = await this.#deps.tasks.behind(review, listed);
    return listed.flatMap(({ project: { key }, files }) =>
      files.map((file) => fileView(key, file, behind.get(key)?.(file) ?? [])),
    );
  }
}

/** What the pages of one list have in common: with other commits it is another list. */
export function comparedBy({ review, projects }: Comparison): string[] {
  return [
    review.id,
    ...projects.flatMap(({ project, range }) => [project.id, range?.from ?? '', range?.to ?? '']),
  ];
}

export function reviewOf({ review, since }: Comparison) {
  const { id, kind, round, digest } = review;
  return { id, kind, round, digest, since };
}

export function comparedOf({ range }: ComparedProject) {
  return { from: range?.from ?? null, to: range?.to ?? null, includesBase: range?.includesBase ?? false };
}

export function fileView(project: string, file: ChangedFile, tasks: TaskBehind[]): ChangedFileView {
  const { path, oldPath, ...rest } = file;
  return {
    project,
    path: pathName(path),
    oldPath: oldPath === null ? null : pathName(oldPath),
    ...rest,
    tasks,
  };
}

function totalsOf(listed: Listed): ReviewFilesPage['projects'][number] {
  return {
    project: listed.project.key,
    ...comparedOf(listed),
    files: listed.files.length,
    additions: listed.files.reduce((sum, { additions }) => sum + (additions ?? 0), 0),
    deletions: listed.files.reduce((sum, { deletions }) => sum + (deletions ?? 0), 0),
  };
}

/** The files from `offset` to before `end`, as if all lists were one; projects without any of them are left out. */
function cut(listed: readonly Listed[], offset: number, end: number): Listed[] {
  const parts: Listed[] = [];
  let before = 0;
  for (const one of listed) {
    const files = one.files.slice(Math.max(offset - before, 0), Math.max(end - before, 0));
    if (files.length > 0) parts.push({ ...one, files });
    before += one.files.length;
  }
  return parts;
}
