import type { Kind } from '../../src/services/shapes/actor.ts';
import type {
  ChangedFileView,
  ReviewDiffPage,
  ReviewFilesPage,
} from '../../src/services/shapes/review-files.ts';
import { claim, cloneOf, push, submit, type TestAgent } from './agent.ts';
import { commitIn } from './remote.ts';
import type { Work } from './work.ts';

export interface ReviewQuery {
  readonly project?: string;
  readonly path?: string;
  readonly since?: string;
  readonly after?: string;
  readonly limit?: number;
  readonly context?: number;
}

/** Claims the task, lets the work be done in a clone of one project, commits what is there, and hands it in. */
export async function handIn(
  agent: TestAgent,
  task: string,
  project: string,
  work: (worktree: string) => Promise<unknown>,
): Promise<string> {
  const claimed = await claim(agent, task);
  const worktree = await cloneOf(agent, claimed, project);
  await work(worktree);
  const head = await commitIn(worktree, {});
  await push(claimed, worktree);
  await submit(agent, claimed);
  return head;
}

export function reviewAddress(
  kind: Kind,
  id: string,
  what: 'files' | 'diff',
  query: ReviewQuery = {},
): string {
  const entries = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return `/v1/${kind}s/${id}/review/${what}?${new URLSearchParams(entries).toString()}`;
}

export function readFiles(
  { service }: Work,
  kind: Kind,
  id: string,
  query: ReviewQuery = {},
  who = 'viewer',
): Promise<ReviewFilesPage> {
  return service.get<ReviewFilesPage>(reviewAddress(kind, id, 'files', query), who);
}

/** The list of files page by page, until its end. */
export async function filePages(
  work: Work,
  kind: Kind,
  id: string,
  limit: number,
): Promise<ReviewFilesPage[]> {
  const pages: ReviewFilesPage[] = [];
  for (let after: string | null | undefined; after !== null; after = pages.at(-1)?.next)
    pages.push(await readFiles(work, kind, id, { limit, ...(after === undefined ? {} : { after }) }));
  return pages;
}

export function readDiff(
  { service }: Work,
  kind: Kind,
  id: string,
  query: ReviewQuery,
  who = 'viewer',
): Promise<ReviewDiffPage> {
  return service.get<ReviewDiffPage>(reviewAddress(kind, id, 'diff', query), who);
}

/** Each file with the keys of the tasks behind it. */
export function tasksByFile(files: readonly ChangedFileView[]): Record<string, string[]> {
  return Object.fromEntries(files.map(({ path, tasks }) => [path, tasks.map(({ key }) => key)]));
}

/** The lines of a page as `git diff` prints them, without the headers. */
export function linesOf({ diff }: ReviewDiffPage): string[] {
  if (diff.kind !== 'text') throw new Error(`a diff of kind ${diff.kind} has no lines`);
  const marks = { context: ' ', added: '+', deleted: '-' } as const;
  return diff.hunks.flatMap(({ lines }) => lines.map(({ kind, text }) => `${marks[kind]}${text}`));
}
