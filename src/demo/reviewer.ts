import type { BoardActor } from '../board/board-types.ts';
import type { BoardView, PhaseOnBoard } from '../board/board-view.ts';
import type { Client, NewComment, Review, Reviewed } from './client.ts';
import type { LateTask } from './late-task.ts';
import { newsLines } from './news.ts';
import { readChanges } from './reading.ts';
import { RefusedError } from './requests.ts';

/** Codes of an approval whose heads are not those that are there now. */
const ABOUT_HEADS = new Set(['heads_not_served', 'heads_moved']);

/** Reads what waits for review, comments on what is not finished, and approves exactly what was read. */
export class Reviewer {
  readonly #client: Client;
  readonly #late: LateTask;
  readonly #say: (line: string) => void;
  /** The newest review of each phase that was read, and led to something. */
  readonly #read = new Map<string, Review>();
  /** Phases to which commits came after they were read. */
  readonly #overtaken = new Set<string>();
  readonly #approved = new Set<string>();
  #refusals = 0;

  constructor(client: Client, late: LateTask, say: (line: string) => void) {
    this.#client = client;
    this.#late = late;
    this.#say = say;
  }

  /** How many approvals were refused because commits had come after what was read. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Looks at the board once. Throws when an approval of what is not there any more was taken. */
  async look({ initiative, phases }: BoardView): Promise<void> {
    for (const phase of phases) {
      if (isOpen(phase)) await this.#unlessBehind(() => this.#decide(phase));
    }
    if (initiative !== null && isOpen(initiative)) await this.#unlessBehind(() => this.#deliver(initiative));
  }

  /** The board is behind: it is decided already, or its heads have moved since. The next look sees. */
  async #unlessBehind(decide: () => Promise<void>): Promise<void> {
    try {
      await decide();
    } catch (error) {
      if (!(error instanceof RefusedError && error.status === 409)) throw error;
    }
  }

  async #decide(phase: PhaseOnBoard): Promise<void> {
    const { id } = phase;
    const name = phase.key ?? id;
    const earlier = this.#read.get(id) ?? null;
    if (earlier !== null && this.#overtaken.has(id)) {
      if (this.#late.hasLanded(phase)) await this.#approveOvertaken(phase, earlier);
      return;
    }
    const review = await this.#client.review('phases', id);
    if (this.#hasApproved(id, review)) return;
    const { files, comments } = await readChanges(this.#client, id, earlier?.digest ?? null);
    const count = files === 1 ? '1 file' : `${files} files`;
    const since = earlier === null ? '' : ', new since then';
    this.#say(`the reviewer read the diff of ${name}, round ${review.round}: ${count}${since}`);
    if (comments.length > 0) await this.#requestChanges(phase, review, comments);
    else if (await this.#late.comesTo(phase)) this.#overtaken.add(id);
    else await this.#approvePhase(phase, review);
    // Only then: what came to nothing is read again as a whole.
    this.#read.set(id, review);
  }

  async #approvePhase(phase: PhaseOnBoard, review: Review): Promise<void> {
    if (review.round > 1) await this.#readAnswers(phase);
    await this.#approve('phases', phase, review);
    const round = review.round > 1 ? ` in round ${review.round}` : '';
    this.#say(`the reviewer approved ${phase.key ?? phase.id}${round}`);
  }

  /** Throws when something that was commented on is still open. */
  async #readAnswers({ id, key }: PhaseOnBoard): Promise<void> {
    const comments = await this.#client.comments(id);
    const answers = comments.flatMap(({ replies }) => replies.map(({ text }) => `"${text}"`));
    if (comments.some(({ state }) => state !== 'addressed'))
      throw new Error(`${key ?? id} is back in review, and not all comments are addressed`);
    this.#say(
      `the ${comments.length} comments on ${key ?? id} are answered: ${[...new Set(answers)].join(', ')}`,
    );
  }

  async #requestChanges(
    { id, key }: PhaseOnBoard,
    review: Review,
    comments: readonly NewComment[],
  ): Promise<void> {
    for (const [at, comment] of comments.entries()) {
      await this.#client.comment(id, comment, `comment-${id}-${review.round}-${at}`);
      this.#say(`the reviewer commented on ${placeOf(comment)}: ${comment.text}`);
    }
    await this.#client.requestChanges(id, 'Some lines still say TODO.', review);
    this.#say(
      `the reviewer requested changes of ${key ?? id}: an agent gets the ${comments.length} comments`,
    );
  }

  /** What was read is not all that is there: the service has to say so. */
  async #approveOvertaken({ id, key }: PhaseOnBoard, read: Review): Promise<void> {
    const name = key ?? id;
    try {
      await this.#client.approve('phases', id, read);
    } catch (error) {
      if (!(error instanceof RefusedError && ABOUT_HEADS.has(error.code))) throw error;
      this.#refusals += 1;
      this.#overtaken.delete(id);
      this.#say(`the approval of ${name} was refused (${error.code}): these commits came after it was read`);
      for (const line of newsLines(error.details)) this.#say(`  ${line}`);
      return;
    }
    throw new Error(`the approval of ${name} was taken, although commits came after it was read`);
  }

  async #deliver(initiative: BoardActor): Promise<void> {
    const review = await this.#client.review('initiatives', initiative.id);
    if (this.#hasApproved(initiative.id, review)) return;
    await this.#approve('initiatives', initiative, review);
    this.#say(`the reviewer approved the delivery of ${initiative.key ?? initiative.id}`);
  }

  async #approve(kind: Reviewed, { id }: BoardActor, review: Review): Promise<void> {
    await this.#client.approve(kind, id, review);
    this.#approved.add(nameOf(id, review));
  }

  /** The board is a moment behind its approval. */
  #hasApproved(id: string, review: Review): boolean {
    return this.#approved.has(nameOf(id, review));
  }
}

function nameOf(id: string, { round, digest }: Review): string {
  return `${id} ${round} ${digest}`;
}

/** While the review is being opened its heads are not known yet, and nobody is asked. */
function isOpen({ state, tags }: BoardActor): boolean {
  return state?.startsWith('pending_review') === true && tags.includes('needs_you');
}

function placeOf({ project, file, startLine, line }: NewComment): string {
  return `${file} of ${project}, ${startLine === null ? `line ${line}` : `lines ${startLine} to ${line}`}`;
}
