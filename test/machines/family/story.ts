import { expect } from 'vitest';
import type { AnyEventObject } from 'xstate';
import type { ReviewMode } from '../../../src/machines/payloads.ts';
import { Family, type Kind } from './family.ts';
import { DIGEST, outcomesOf, type Outcome } from './outcomes.ts';
import { AGENT, LEASE } from './people.ts';

interface StoryPlan {
  readonly mode?: ReviewMode;
  readonly phaseLimit?: number;
  /** The dependencies of each task, by phase: `[[[], [1]]]` is one phase whose second task waits for its first. */
  readonly phases: readonly (readonly (readonly number[])[])[];
}

/** A family that is told step by step what happens, with every message delivered at once unless it is held back. */
export class Story {
  readonly family = new Family();

  constructor({ mode = 'review_per_phase', phaseLimit = 2, phases }: StoryPlan) {
    this.family.begin(() => {
      this.family.create('i', 'initiative', {
        mode,
        phaseLimit,
        phases: phases.length,
        autostart: false,
        maxAttempts: 2,
        maxRounds: 3,
        maxConflicts: 3,
      });
      for (const [index, tasks] of phases.entries()) this.#plan(mode, index + 1, tasks);
    });
    this.deliverAll();
    this.post('i', { type: 'initiative.start' });
    this.finish('i', 'open');
  }

  #plan(mode: ReviewMode, ordinal: number, tasks: readonly (readonly number[])[]): void {
    const limits = { maxAttempts: 2, maxRounds: 3, maxConflicts: 3 };
    const phase = {
      ordinal,
      mode,
      draft: false,
      dependsOn: [],
      tasks: tasks.length,
      paused: false,
      ...limits,
    };
    this.family.create(`i/${ordinal}`, 'phase', phase);
    for (const [place, dependsOn] of tasks.entries()) {
      this.family.create(`i/${ordinal}/${place + 1}`, 'task', {
        ordinal: place + 1,
        category: 'execute',
        needsReview: false,
        priority: 50,
        phaseOpen: false,
        dependsOn,
        conflictOf: null,
        resolves: null,
        maxAttempts: 2,
        maxRounds: 3,
        maxConflicts: 3,
      });
    }
  }

  /** Where somebody is. */
  at(id: string): string {
    return this.family.get(id).path;
  }

  context<C>(id: string): C {
    return this.family.get(id).snapshot.context as C;
  }

  exists(id: string): boolean {
    return this.family.members.has(id);
  }

  /** Delivers until nothing is on its way. */
  deliverAll(): void {
    for (let [channel] = this.family.channels(); channel !== undefined; [channel] = this.family.channels()) {
      this.family.deliver(channel);
    }
  }

  /** Sends an event, which has to be possible, without delivering what comes of it. */
  postOnly(id: string, event: AnyEventObject): void {
    if (!this.family.post(id, event)) expect.fail(`${id} in ${this.at(id)} does not take ${event.type}`);
  }

  post(id: string, event: AnyEventObject): void {
    this.postOnly(id, event);
    this.deliverAll();
  }

  /** Ends an effect without delivering what comes of it; well, unless an outcome is given. */
  finishOnly(id: string, effect: string, outcome?: Outcome): void {
    const running = this.family.effects.get(`${id} ${effect}`);
    if (running === undefined) expect.fail(`${id} in ${this.at(id)} runs no ${effect}`);
    this.family.finish(running, outcome ?? outcomesOf(running.src)[0]);
  }

  finish(id: string, effect: string, outcome?: Outcome): void {
    this.finishOnly(id, effect, outcome);
    this.deliverAll();
  }

  /** An agent claims the task and submits it; the landing is under way then. */
  work(id: string): void {
    const { attempt } = this.context<{ attempt: number }>(id);
    this.post(id, {
      type: 'task.claim',
      lease: LEASE,
      agentId: AGENT,
      attempt: attempt + 1,
      leaseSeconds: 60,
    });
    this.post(id, { type: 'task.submit', lease: LEASE, submission: DIGEST, answers: [] });
  }

  /** Work that lands. */
  complete(id: string): void {
    this.work(id);
    this.finish(id, 'land');
  }

  /** A reviewer approves what the review serves. */
  approve(id: string, kind: Kind): void {
    this.post(id, { type: `${kind}.approve`, heads: {}, digest: DIGEST });
  }
}

export const conflict: Outcome = { output: { result: 'conflict' } };
