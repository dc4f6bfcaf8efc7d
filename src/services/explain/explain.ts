import type { ActorView } from '../../actors/view.ts';
import { Refusal } from '../../errors.ts';
import type { ExplainService } from '../contracts.ts';
import { unknownCode } from '../event-answers.ts';
import type { Kind } from '../shapes/actor.ts';
import type { Explanation, Reason } from '../shapes/explanation.ts';
import { claimOf, holdOf, lateWorkOf, leaseOf } from './agent-work.ts';
import { lifecycleOf } from './lifecycle.ts';
import { movesOf } from './moves.ts';
import { childrenOf } from './children.ts';
import { dependenciesOf, partsOf, phaseOf, resolverOf } from './others.ts';
import { outrunOf } from './outrun.ts';
import { recordedOf } from './recorded.ts';
import { effectsOf, messagesTo, timersOf } from './service-work.ts';
import { slotsOf } from './slots.ts';
import { type ExplainDeps, readSubject, type Subject } from './subject.ts';
import { SyncSuggestion } from './sync-suggestion.ts';
import { failureOf, needsYou } from './what-to-do.ts';

/** Says why something is where it is: from its machine first, then from the rows that it waits for. */
export class Explain implements ExplainService {
  readonly #deps: ExplainDeps;
  readonly #sync: SyncSuggestion;

  constructor(deps: ExplainDeps) {
    this.#deps = deps;
    this.#sync = new SyncSuggestion(deps);
  }

  /** Changes nothing, fetches nothing. Refuses with `unknown_initiative`, `unknown_phase` or `unknown_task`. */
  async explain(kind: Kind, id: string): Promise<Explanation> {
    const actor = await this.#deps.runtime().peek(id);
    if (actor === null || actor.machine !== kind) {
      throw new Refusal(unknownCode(kind), `there is no ${kind} with the id ${id}`);
    }
    const subject = await readSubject(this.#deps.plan, kind, actor);
    const [reasons, suggestions] = await Promise.all([this.#reasons(subject), this.#sync.of(subject)]);
    return {
      id,
      kind,
      key: subject.key,
      state: actor.state,
      path: subject.path,
      tags: actor.tags,
      since: actor.since.toISOString(),
      sentence: describe(subject),
      settled: actor.tags.includes('settled'),
      needsYou: await needsYou(this.#deps.sql, subject, reasons),
      reasons,
      moves: movesOf(subject, reasons),
      suggestions,
    };
  }

  async #reasons(subject: Subject): Promise<Reason[]> {
    const { sql } = this.#deps;
    const runtime = this.#deps.runtime();
    const found = await Promise.all([
      dependenciesOf(runtime, subject),
      partsOf(runtime, subject),
      phaseOf(runtime, subject),
      slotsOf(runtime, subject),
      childrenOf(runtime, subject),
      resolverOf(runtime, subject),
      leaseOf(sql, subject),
      holdOf(sql, subject),
      lateWorkOf(this.#deps, subject),
      outrunOf(this.#deps, subject),
      claimOf(sql, subject),
      effectsOf(sql, subject),
      timersOf(sql, subject),
      messagesTo(sql, subject),
    ]);
    const { actor } = subject;
    return [
      ...quarantine(actor),
      ...failure(subject),
      ...end(actor),
      ...recordedOf(subject),
      ...found.flat(),
    ];
  }
}

/** The descriptions of the states it is in, from the outside in. */
function describe({ kind, actor }: Subject): string {
  return lifecycleOf(kind)
    .lineOf(actor)
    .map(({ description }) => description ?? '')
    .join(' ')
    .trim();
}

function quarantine({ quarantined }: ActorView): Reason[] {
  if (quarantined === null) return [];
  return [
    {
      code: 'quarantined',
      text: `set aside until an operator replays it: ${quarantined.reason}`,
      refers: [],
    },
  ];
}

function failure(subject: Subject): Reason[] {
  const failed = failureOf(subject);
  return failed === null ? [] : [{ code: failed.code, text: failed.message, refers: [] }];
}

function end({ tags, context }: ActorView): Reason[] {
  if (!tags.includes('settled')) return [];
  const how = context['outcome'] === 'waived' ? 'it was waived, and ' : '';
  return [{ code: 'settled', text: `${how}it is over: nothing moves it any more`, refers: [] }];
}
