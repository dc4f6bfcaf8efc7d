import type { Hub } from '../git/hub.ts';
import type { Repository } from '../git/repository.ts';
import { newCommits } from '../git/new-commits.ts';
import { patchId } from '../git/patch-id.ts';
import type { Heads } from './heads.ts';
import type { PlanStore } from './plan-store.ts';
import { type BranchHeads, readReviewHeads, type ReviewHeads } from './review-heads.ts';

/** What a reviewer has not seen in one project. */
export interface News {
  readonly project: string;
  readonly was: string | null;
  readonly now: string | null;
  readonly commits: readonly { oid: string; subject: string; author: string }[];
  readonly more: boolean;
}

/**
 * What an agreement to these heads is worth now. It stands where nothing moved, and where only the base did and the patch of each
 * project is the same, byte for byte: then the `heads` that are there now may land, and `because` says so. Otherwise there is
 * something that nobody agreed to.
 */
export type Agreement =
  | {
      readonly stands: true;
      readonly heads: Heads;
      readonly now: ReviewHeads;
      readonly because: string | null;
    }
  | { readonly stands: false; readonly now: ReviewHeads; readonly news: readonly News[] };

/** How many new commits of one project are named. */
const MAX_NEWS = 20;

/** Compares what was agreed to with what stands in git now. */
export async function agreementOn(
  deps: { readonly plan: PlanStore; readonly hub: Hub },
  unit: { readonly kind: 'initiative' | 'phase'; readonly id: string },
  agreed: ReviewHeads,
): Promise<Agreement> {
  const now = await readReviewHeads(deps, unit.kind, unit.id);
  const moved = Object.keys(now.heads).filter((project) => hasMoved(project, now, agreed));
  const heads: Heads = { ...agreed.heads, ...pick(now.heads, moved) };
  if (moved.length === 0) return { stands: true, heads, now, because: null };
  const initiativeId = unit.kind === 'initiative' ? unit.id : (await deps.plan.phase(unit.id)).initiativeId;
  const ids = new Map(
    (await deps.plan.linkedProjects(initiativeId)).map(({ project }) => [project.key, project.id]),
  );
  const reasons: string[] = [];
  const news: News[] = [];
  for (const project of moved) {
    const repository = deps.hub.repository(ids.get(project) ?? '');
    const [was, is] = [agreed.heads[project] ?? null, now.heads[project] ?? null];
    if (await isOnlyTheBase(repository, project, agreed, now)) {
      reasons.push(`${project} moved from ${short(was)} to ${short(is)}`);
      continue;
    }
    const known = [was, now.base[project] ?? null].filter((oid) => oid !== null);
    const found =
      is === null ? { commits: [], more: false } : await newCommits(repository, known, is, MAX_NEWS);
    news.push({
      project,
      was,
      now: is,
      commits: found.commits.map(({ oid, subject, author }) => ({ oid, subject, author })),
      more: found.more,
    });
  }
  if (news.length > 0) return { stands: false, now, news };
  const because = `${reasons.join(', ')}: only the base has moved, and the patch is the same`;
  return { stands: true, heads, now, because };
}

/** A head that is contained in its target by now has arrived there, and has not moved. */
function hasMoved(project: string, now: BranchHeads, agreed: ReviewHeads): boolean {
  const was = agreed.heads[project] ?? null;
  return (was === null ? now.heads[project] : now.tips[project]) !== was;
}

function pick(heads: Heads, projects: readonly string[]): Heads {
  return Object.fromEntries(projects.map((project) => [project, heads[project] ?? null]));
}

/** One sentence for people. */
export function newsText(news: readonly News[]): string {
  return news
    .map(({ project, now, commits, more }) =>
      commits.length === 0
        ? `${project} is at ${short(now)} now`
        : `${project} has ${commits.length}${more ? ' or more' : ''} new commits, the newest "${commits[0]?.subject ?? ''}"`,
    )
    .join('; ');
}

/** The projects in which these are not the same heads: other commits, left out, or too many. */
export function differing(now: Heads, asked: Heads): string[] {
  const keys = new Set([...Object.keys(now), ...Object.keys(asked)]);
  return [...keys].filter((key) => now[key] !== asked[key]);
}

/** One sentence for people, of projects that one side does not name at all; empty when both name the same. */
export function misnamedText(now: Heads, asked: Heads): string {
  const leftOut = Object.keys(now).filter((key) => !Object.hasOwn(asked, key));
  const tooMany = Object.keys(asked).filter((key) => !Object.hasOwn(now, key));
  return [
    ...(leftOut.length === 0
      ? []
      : [`${leftOut.join(', ')} left out (null is for a project in which nothing has changed)`]),
    ...(tooMany.length === 0 ? [] : [`${tooMany.join(', ')} not part of it`]),
  ].join('; ');
}

/** The branch left another commit of the base than before, and what it has changed since is the same. */
async function isOnlyTheBase(
  repository: Repository,
  project: string,
  agreed: ReviewHeads,
  now: ReviewHeads,
): Promise<boolean> {
  const [was, is] = [agreed.heads[project] ?? null, now.heads[project] ?? null];
  const [before, after] = [agreed.base[project] ?? null, now.base[project] ?? null];
  if (was === null || is === null || before === null || after === null) return false;
  if ((await repository.mergeBase(before, was)) === (await repository.mergeBase(after, is))) return false;
  return (await patchId(repository, before, was)) === (await patchId(repository, after, is));
}

function short(oid: string | null): string {
  return oid === null ? 'nothing' : oid.slice(0, 12);
}
