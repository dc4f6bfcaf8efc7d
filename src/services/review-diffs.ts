import { Refusal } from '../errors.ts';
import type { ChangedFile } from '../git/changed-files.ts';
import { type FileDiff, fileDiff } from '../git/file-diff.ts';
import type { Hub } from '../git/hub.ts';
import { pathBytes } from '../git/path-name.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { ChangesByTask } from './changes-by-task.ts';
import type { ComparedFiles } from './compared-files.ts';
import { gitRefusal } from './git-refusal.ts';
import { countLines, hunkPage } from './hunk-pages.ts';
import { pinnedTo } from './pinned-cursor.ts';
import type { ComparedProject, Comparison, ReviewComparisons } from './review-comparison.ts';
import { comparedBy, comparedOf, fileView, reviewOf } from './review-files.ts';
import type { Kind } from './shapes/actor.ts';
import type { ReviewDiffPage, ReviewDiffQuery } from './shapes/review-files.ts';
import type { Principal } from './shapes/token.ts';

/** How many lines are remembered of all diffs together: one of the largest, or many. */
const MAX_LINES = 300_000;

interface Deps {
  readonly hub: Hub;
  readonly comparisons: ReviewComparisons;
  readonly files: ComparedFiles;
  readonly tasks: ChangesByTask;
}

/** The lines of one changed file of a review, page by page. */
export class ReviewDiffs {
  readonly #deps: Deps;
  readonly #diffs = new BoundedCache<FileDiff>(MAX_LINES, (diff) =>
    diff.kind === 'text' ? countLines(diff.hunks) : 0,
  );

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Refuses as the list of files does, and with `unknown_file`. */
  async page(kind: Kind, id: string, query: ReviewDiffQuery, principal: Principal): Promise<ReviewDiffPage> {
    const { project, path, since, after, limit, context } = query;
    const bytes = pathBytes(path);
    if (bytes === null) {
      throw new Refusal(
        'invalid_request',
        'the path is not a name as the list of files prints it: names with other bytes are quoted there',
      );
    }
    try {
      const comparison = await this.#deps.comparisons.compare({ kind, id, project, since, principal });
      const { compared, file } = await this.#changed(comparison, bytes, path);
      const behind = await this.#deps.tasks.behind(comparison.review, [compared]);
      const diff = await this.#diff(compared, file, context);
      const total = diff.kind === 'text' ? countLines(diff.hunks) : 0;
      const list = pinnedTo('diff', ...comparedBy(comparison), path, String(context));
      const offset = list.offset(after, total);
      return {
        ...reviewOf(comparison),
        ...comparedOf(compared),
        ...fileView(project, file, behind.get(project)?.(file) ?? []),
        diff: pageOf(diff, total, offset, limit),
        next: offset + limit < total ? list.cursor(offset + limit) : null,
      };
    } catch (error) {
      throw gitRefusal(error);
    }
  }

  async #changed(
    { projects }: Comparison,
    bytes: Buffer,
    path: string,
  ): Promise<{ compared: ComparedProject; file: ChangedFile }> {
    const [compared] = projects;
    const files = compared === undefined ? [] : await this.#deps.files.of(compared);
    const file = files.find((one) => one.path.equals(bytes));
    if (compared !== undefined && file !== undefined) return { compared, file };
    throw new Refusal('unknown_file', `nothing has changed at ${path}; the list of files has what did`);
  }

  #diff({ project, range }: ComparedProject, file: ChangedFile, context: number): Promise<FileDiff> {
    if (range === null) throw new Error(`${project.key} has a changed file and nothing to compare`);
    const { from, to } = range;
    const name = file.path.toString('latin1');
    return this.#diffs.get(`${project.id} ${from} ${to} ${context} ${name}`, async () => {
      const repository = this.#deps.hub.repository(project.id);
      const diff = await fileDiff(repository, from, to, file, { contextLines: context });
      if (diff === null) throw new Error(`${name} has changed and is on neither side`);
      return diff;
    });
  }
}

function pageOf(diff: FileDiff, totalLines: number, offset: number, limit: number): ReviewDiffPage['diff'] {
  if (diff.kind !== 'text') return diff;
  const hunks = hunkPage(diff.hunks, offset, limit);
  return { kind: 'text', encoding: diff.encoding, totalLines, hunks };
}
