import { randomUUID } from 'node:crypto';
import type { Random } from '../../src/demo/random.ts';
import type { Kind } from '../../src/services/shapes/actor.ts';
import type { ReviewView } from '../../src/services/shapes/review.ts';
import type { ReviewDiffPage, ReviewFilesPage } from '../../src/services/shapes/review-files.ts';
import { reviewAddress } from '../support/review.ts';
import type { History } from './history.ts';
import type { Ledger } from './ledger.ts';
import { chance } from './plans.ts';
import type { ReachableService } from './reachable-service.ts';
import { type Forest, type Unit, pathOf } from './forest.ts';

interface Here {
  readonly service: ReachableService;
  readonly forest: Forest;
  readonly ledger: Ledger;
  readonly history: History;
}

/** Reviews that somebody has read, by unit: an approval may be of one that is long over. */
export type ReadReviews = Map<string, ReviewView[]>;

export class Reviewer {
  readonly name: string;
  readonly #here: Here;
  readonly #read: ReadReviews;

  constructor(name: string, here: Here, read: ReadReviews) {
    this.name = name;
    this.#here = here;
    this.#read = read;
  }

  async step(random: Random): Promise<string> {
    const waiting = await this.#waiting(random);
    const [unit] = waiting.length === 0 ? [] : [random.pick(waiting)];
    if (unit === undefined) return 'review nothing';
    const read = this.#read.get(unit.id) ?? [];
    const stale = read.filter(({ digest }) => digest !== read.at(-1)?.digest);
    const earlier = stale.length > 0 && chance(random, 0.6) ? stale : read;
    if (earlier.length > 0 && chance(random, 0.35)) return this.#approve(unit, random.pick(earlier), random);
    const review = await this.#reviewOf(unit);
    if (review === null) return `read ${unit.name} in vain`;
    const act = random.next();
    if (act < 0.3) return this.#look(unit, random);
    if (act < 0.5) return this.#requestChanges(unit, random);
    return this.#approve(unit, review, random);
  }

  /** Approves what waits for it, as it is now; null when nothing does. */
  async help(random: Random): Promise<string | null> {
    const [unit] = await this.#waiting(random);
    if (unit === undefined) return null;
    const review = await this.#reviewOf(unit);
    return review === null ? `read ${unit.name} in vain` : this.#approve(unit, review, random);
  }

  async #waiting(random: Random): Promise<Unit[]> {
    const units = await this.#here.forest.units(this.name, random);
    return units.filter(({ kind, next }) => next.includes(`${kind}.approve`));
  }

  async #reviewOf(unit: Unit): Promise<ReviewView | null> {
    const answer = await this.#here.service.send<ReviewView>(this.name, {
      method: 'GET',
      path: `${pathOf(unit)}/review`,
    });
    if (!answer.ok) return null;
    this.#read.set(unit.id, [...(this.#read.get(unit.id) ?? []), answer.body]);
    return answer.body;
  }

  async #approve(unit: Unit, review: ReviewView, random: Random): Promise<string> {
    const strategies =
      unit.kind === 'initiative' && chance(random, 0.3)
        ? { strategies: { [random.pick(Object.keys(review.heads))]: 'merge_and_push' } }
        : {};
    const said = await this.#tell(unit, `${unit.kind}.approve`, { heads: review.heads, ...strategies });
    if (said.endsWith(' accepted')) this.#here.ledger.approved.push({ unitId: unit.id, heads: review.heads });
    return said;
  }

  async #requestChanges(unit: Unit, random: Random): Promise<string> {
    const comment = await this.#comment(unit, random);
    const comments = comment === null || chance(random, 0.3) ? {} : { comments: [comment] };
    return this.#tell(unit, `${unit.kind}.requestChanges`, { summary: 'not yet', ...comments });
  }

  /** Reads the files and one diff, and mostly says something to one of its lines. */
  async #look(unit: Unit, random: Random): Promise<string> {
    const comment = await this.#comment(unit, random, chance(random, 0.3) ? 'last' : undefined);
    if (comment === null) return `look ${unit.name}`;
    const answer = await this.#here.service.send(this.name, {
      method: 'POST',
      path: `${pathOf(unit)}/review/comments`,
      body: comment,
    });
    if (answer.ok) this.#here.history.count('comment: made');
    return `comment ${unit.name} ${answer.ok ? 'made' : answer.code}`;
  }

  async #comment(unit: Unit, random: Random, since?: string): Promise<object | null> {
    const { kind, id } = unit;
    const query = since === undefined ? {} : { since };
    const files = await this.#get<ReviewFilesPage>(kind, id, 'files', query);
    if (files === null || files.files.length === 0) return null;
    const { project, path } = random.pick(files.files);
    const page = await this.#get<ReviewDiffPage>(kind, id, 'diff', { ...query, project, path });
    if (page === null || page.diff.kind !== 'text') return null;
    const lines = page.diff.hunks.flatMap((hunk) => hunk.lines).filter((line) => line.new !== null);
    const line = lines.length === 0 ? 0 : (random.pick(lines).new ?? 0);
    return { project, file: path, line, text: `why? ${randomUUID()}` };
  }

  async #get<T>(kind: Kind, id: string, what: 'files' | 'diff', query: object): Promise<T | null> {
    const answer = await this.#here.service.send<T>(this.name, {
      method: 'GET',
      path: reviewAddress(kind, id, what, query),
    });
    return answer.ok ? answer.body : null;
  }

  async #tell(unit: Unit, type: string, payload: object): Promise<string> {
    const answer = await this.#here.service.send(this.name, {
      method: 'POST',
      path: `${pathOf(unit)}/events`,
      body: { type, ...payload },
    });
    const said = answer.ok ? 'accepted' : answer.code;
    this.#here.history.count(`${type}: ${said}`);
    return `${type} ${unit.name} ${said}`;
  }
}
