import { GitError } from '../../git/git-error.ts';
import { BoundedCache } from '../bounded-cache.ts';
import { headRef, initiativeBranch } from '../branch-names.ts';
import type { LinkedProject } from '../plan-store.ts';
import type { Suggestion } from '../shapes/explanation.ts';
import type { ExplainDeps, Subject } from './subject.ts';

/** From how many commits of a default branch on that the initiative lacks a sync is suggested: fewer come with the delivery. */
export const FAR_BEHIND = 20;
/** Where counting ends. */
const MAX_COUNTED = 1_000;
/** How many counts are remembered; two commits always have the same one. */
const MAX_REMEMBERED = 1_000;

/** Suggests `initiative.sync` where a default branch, as it was last fetched, has moved far away from the initiative. */
export class SyncSuggestion {
  readonly #deps: ExplainDeps;
  readonly #counts = new BoundedCache<number>(MAX_REMEMBERED);

  constructor(deps: ExplainDeps) {
    this.#deps = deps;
  }

  async of({ kind, actor, key }: Subject): Promise<Suggestion[]> {
    if (kind !== 'initiative' || !actor.next.includes('initiative.sync')) return [];
    const linked = await this.#deps.plan.linkedProjects(actor.id);
    const projects = (await Promise.all(linked.map((link) => this.#behind(key, link)))).filter(
      (behind) => behind !== null,
    );
    if (projects.length === 0) return [];
    const list = projects.map(
      ({ key: project, branch, commits, isMore, tip, fetchedAt }) =>
        `${project} (${isMore ? 'more than ' : ''}${commits} commits of ${branch} to ${tip.slice(0, 12)}, fetched at ${fetchedAt} or later)`,
    );
    return [
      {
        event: 'initiative.sync',
        text: `The initiative is far behind the default branch of ${list.join(', ')}. A sync lands it, and conflicts are found now rather than at the delivery.`,
        projects,
      },
    ];
  }

  async #behind(
    initiative: string,
    { project }: LinkedProject,
  ): Promise<Suggestion['projects'][number] | null> {
    const repository = this.#deps.hub.repository(project.id);
    const tracked = `refs/remotes/origin/${project.defaultBranch}`;
    const own = headRef(initiativeBranch(initiative));
    try {
      const tips = await repository.readTips([tracked, own]);
      const [tip, branch] = [tips.get(tracked) ?? null, tips.get(own) ?? null];
      if (tip === null || branch === null) return null;
      const count = await this.#counts.get(`${project.id} ${tip} ${branch}`, () =>
        repository.countBetween(branch, tip, MAX_COUNTED + 1),
      );
      if (count < FAR_BEHIND) return null;
      const commits = Math.min(count, MAX_COUNTED);
      return {
        key: project.key,
        branch: project.defaultBranch,
        commits,
        isMore: count > MAX_COUNTED,
        tip,
        fetchedAt: project.fetchedAt.toISOString(),
      };
    } catch (error) {
      // It is only advice: a hub that can not be read is told of elsewhere, and everything else is still explained.
      if (error instanceof GitError) return null;
      throw error;
    }
  }
}
