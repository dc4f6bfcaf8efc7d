import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Random } from '../../src/demo/random.ts';
import type { EventAnswer } from '../../src/services/shapes/actor.ts';
import { AgentDoor, type Report } from './agent-door.ts';
import { Attempt, clonesOf, MANNERS } from './attempt.ts';
import { BrokenInvariant, type History } from './history.ts';
import type { Ledger } from './ledger.ts';
import { chance } from './plans.ts';
import type { ReachableService } from './reachable-service.ts';

export interface Here {
  readonly service: ReachableService;
  readonly ledger: Ledger;
  readonly history: History;
  readonly folder: string;
}

/** Refusals after which what was pushed has to be made anew. */
const MADE_WRONG = new Set([
  'tip_moved',
  'conflict_not_resolved',
  'conflict_markers_left',
  'conflict_side_dropped',
]);
const OVER = new Set(['lease_over', 'not_enabled', 'not_active']);

/** An agent that mostly works, and now and then does everything else that agents do. */
export class Agent {
  readonly name: string;
  readonly #here: Here;
  readonly #door: AgentDoor;
  readonly #clones: ReturnType<typeof clonesOf>;
  #attempt: Attempt | null = null;
  /** Attempts that it does not go on with, whatever the service thinks of their leases. */
  readonly #left: Attempt[] = [];

  constructor(name: string, capabilities: readonly string[], here: Here) {
    this.name = name;
    this.#here = here;
    this.#door = new AgentDoor(here.service, name, capabilities);
    this.#clones = clonesOf(join(here.folder, 'agents', name));
  }

  register(): Promise<void> {
    return this.#door.register();
  }

  /** One thing, mostly a sensible one. */
  async step(random: Random): Promise<string> {
    if (this.#left.length > 0 && chance(random, 0.12)) return this.#actLate(random);
    const attempt = this.#attempt;
    if (attempt === null || chance(random, 0.03)) return this.#claim(random.between(0, 1));
    const act = random.next();
    if (act < 0.06)
      return `heartbeat ${await this.#report(attempt, chance(random, 0.5) ? 'heartbeat' : 'progress', { message: 'at it' })}`;
    if (act < 0.1) return this.#leave(attempt);
    if (act < 0.13) return this.#end(attempt, 'fail', { code: 'agent_failed', message: 'it did not work' });
    if (act < 0.17)
      return this.#end(attempt, 'fail', { code: 'rate_limited', retryAfterSeconds: random.between(1, 60) });
    if (act < 0.19)
      return this.#end(attempt, 'stop', { reason: random.pick(['crashed', 'user_requested'] as const) });
    if (act < 0.22) return `ask ${await this.#report(attempt, 'ask', { question: 'which of both?' })}`;
    if (act < 0.25) return this.#submit(attempt, { noChanges: 'there is nothing to do' });
    if (act < 0.27) return this.#submit(attempt, {});
    if (attempt.hasPushed && act < 0.32) {
      attempt.beginAgain();
      return `rewrite ${await this.#work(attempt, random, false)}`;
    }
    if (attempt.hasPushed && chance(random, 0.75))
      return this.#submit(attempt, chance(random, 0.2) ? { fixedAll: null } : {}, chance(random, 0.25));
    // Most has to be refused of what is done to conflicts.
    return this.#work(attempt, random, chance(random, attempt.claim.conflict === null ? 0.35 : 0.6));
  }

  /** The same as a good agent would: gives what it did, or null when there was nothing to do. */
  async help(random: Random): Promise<string | null> {
    const attempt = this.#attempt;
    if (attempt === null) {
      const claimed = await this.#claim(0);
      return claimed === 'claim nothing' ? null : claimed;
    }
    if (attempt.hasPushed) return this.#submit(attempt, {});
    const done = await this.#work(attempt, random, false);
    return attempt.hasPushed || this.#attempt === null
      ? done
      : this.#submit(attempt, { noChanges: 'there is nothing to do' });
  }

  async #claim(waitSeconds: number): Promise<string> {
    const answer = await this.#door.claim(waitSeconds);
    if (!answer.ok) return `claim ${answer.code}`;
    if (answer.body === null) return 'claim nothing';
    const held = this.#attempt ?? this.#left.find(({ claim }) => claim.lease.id === answer.body?.lease.id);
    if (held?.claim.lease.id === answer.body.lease.id) {
      this.#attempt = held;
      return `claim-again ${nameOf(held)}`;
    }
    if (this.#attempt !== null) this.#left.push(this.#attempt);
    this.#attempt = new Attempt(answer.body, this.#clones, () => this.#here.service.origin());
    this.#here.history.count(`claimed: ${answer.body.task.category}`);
    if (answer.body.conflict !== null) this.#here.history.count(`conflict of: ${answer.body.conflict.of}`);
    return `claim ${nameOf(this.#attempt)} attempt ${answer.body.task.attempt}`;
  }

  async #work(attempt: Attempt, random: Random, isCareless: boolean): Promise<string> {
    const manner = isCareless ? random.pick(MANNERS) : 'rightly';
    const cutAfterMs = isCareless && chance(random, 0.15) ? random.between(0, 150) : null;
    const pushes = await attempt
      .work(random, { manner, edits: isCareless ? 0.8 : 0.15, cutAfterMs })
      .catch((error: unknown) => String(error));
    if (typeof pushes === 'string') {
      // The credential opens nothing any more, or the service was away in the middle.
      this.#here.history.count('git: refused');
      this.#here.history.note(`${this.name}: ${pushes.slice(0, 300)}`);
      await this.#look(attempt);
      return `work-failed ${nameOf(attempt)}`;
    }
    for (const { project, commit, result } of pushes) {
      this.#here.history.count(`push: ${result.is}`);
      if (result.is === 'moved' || result.is === 'kept') this.#here.ledger.pushed.push({ project, commit });
      else this.#here.history.note(`${this.name}: ${result.said.slice(0, 300)}`);
    }
    if (pushes.some(({ result }) => result.is === 'kept' || result.is === 'refused'))
      await this.#look(attempt);
    return `work ${nameOf(attempt)} ${manner}: ${pushes.map(({ project, result }) => `${project} ${result.is}`).join(', ')}`;
  }

  /** Is the lease still there? Only then it is worth while to go on. */
  async #look(attempt: Attempt): Promise<void> {
    if (attempt !== this.#attempt) return;
    await this.#report(attempt, 'heartbeat', {});
  }

  async #submit(
    attempt: Attempt,
    own: { noChanges?: string; fixedAll?: null },
    twice = false,
  ): Promise<string> {
    const comments = attempt.claim.comments.length > 0 ? { fixedAll: 'changed as asked' } : {};
    const body = {
      ...comments,
      ...(attempt.oneSided === null ? {} : { oneSided: attempt.oneSided }),
      leftOut: attempt.leftOut,
      ...own,
    };
    const key = randomUUID();
    const answer = await this.#door.report<EventAnswer>(attempt.claim, 'submit', body, key);
    if (!answer.ok) {
      this.#heard(attempt, answer.code);
      if (MADE_WRONG.has(answer.code)) attempt.beginAgain();
      if (answer.code === 'late_work_left_out')
        attempt.leftOut = [...attempt.leftOut, ...lateCommits(answer.problem.details)];
      return `submit ${nameOf(attempt)} ${answer.code}`;
    }
    this.#here.ledger.accept(this.name, attempt);
    this.#here.history.count('submit: accepted');
    if (twice) {
      const again = await this.#door.report<EventAnswer>(attempt.claim, 'submit', body, key);
      if (!again.ok || again.body.eventId !== answer.body.eventId || again.body.outcome !== 'duplicate')
        throw new BrokenInvariant(
          `the same submit of ${nameOf(attempt)} was answered otherwise: ${JSON.stringify([answer, again])}`,
        );
      this.#here.history.count('submit: repeated');
    }
    this.#drop(attempt);
    return `submit ${nameOf(attempt)} ${answer.body.outcome}`;
  }

  /** Under a lease that may be over, or is another agent's business by now. */
  async #actLate(random: Random): Promise<string> {
    const attempt = random.pick(this.#left);
    if (chance(random, 0.3)) return `late-${await this.#submit(attempt, {})}`;
    if (chance(random, 0.2)) return `late-heartbeat ${await this.#report(attempt, 'heartbeat', {})}`;
    return `late-${await this.#work(attempt, random, false)}`;
  }

  #leave(attempt: Attempt): string {
    this.#attempt = null;
    this.#left.push(attempt);
    return `leave ${nameOf(attempt)}`;
  }

  async #end(attempt: Attempt, what: Report, body: object): Promise<string> {
    const said = await this.#report(attempt, what, body);
    if (said === 'accepted') this.#leave(attempt);
    return `${what} ${nameOf(attempt)} ${said}`;
  }

  async #report(attempt: Attempt, what: Report, body: object): Promise<string> {
    const answer = await this.#door.report<{ outcome?: string }>(
      attempt.claim,
      what,
      what === 'heartbeat' ? {} : body,
    );
    if (answer.ok) return answer.body.outcome ?? 'accepted';
    this.#heard(attempt, answer.code);
    return answer.code;
  }

  #heard(attempt: Attempt, code: string): void {
    if (OVER.has(code) && attempt === this.#attempt) this.#leave(attempt);
  }

  #drop(attempt: Attempt): void {
    if (attempt === this.#attempt) this.#leave(attempt);
  }
}

function lateCommits(details: unknown): string[] {
  const { late } = details as { late: { commit: string }[] };
  return late.map(({ commit }) => commit);
}

function nameOf({ claim: { task } }: Attempt): string {
  return `${task.initiative}/${task.phase}/${task.key}`;
}
