import { backoffMs } from './clock.ts';
import type { AbortCause, RunEnd } from './effect-run.ts';
import { runOnce } from './effect-run.ts';
import { claimEffects, releaseEffect, renewEffects } from './effect.sql.ts';
import type { EffectRegistration } from './effects.ts';
import type { Incoming } from './incoming.ts';
import { effectResultId } from './incoming.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { Delivery } from './pending.ts';
import type { RuntimeClock, RuntimeLog } from './runtime.ts';
import type { Sql } from './sql.ts';

const CONCURRENCY = 8;
const TIMEOUT_MS = 600_000;
const MAX_ATTEMPTS = 10;

interface ClaimedRow {
  readonly id: string;
  readonly actor_id: string;
  readonly root_id: string;
  readonly invoke_id: string;
  readonly kind: string;
  readonly input: JsonObject;
  readonly attempt: number;
  readonly failures: number;
}

export interface EffectWorkerParts {
  readonly sql: Sql;
  readonly registrations: Readonly<Record<string, EffectRegistration>>;
  readonly instanceId: string;
  readonly clock: RuntimeClock;
  readonly log: RuntimeLog;
  readonly deliver: (actorId: string, incoming: Incoming) => Promise<Delivery>;
  /** A run has ended: there is room for another. */
  readonly onFree: () => void;
}

interface Running {
  readonly row: ClaimedRow;
  readonly control: AbortController;
  /** By the process's own clock: until then nobody else can have been given the effect. */
  heldUntil: number;
  readonly ended: Promise<void>;
}

/** Claims effects, runs their bodies under a lease and hands in their results. */
export class EffectWorker {
  readonly #parts: EffectWorkerParts;
  readonly #running = new Map<string, Running>();
  #isStopping = false;

  constructor(parts: EffectWorkerParts) {
    this.#parts = parts;
  }

  /** Starts what there is room for; gives how many it started. */
  async claim(): Promise<number> {
    if (this.#isStopping) return 0;
    const { sql, registrations, clock, instanceId } = this.#parts;
    const busy = (kind: string) => [...this.#running.values()].filter(({ row }) => row.kind === kind).length;
    const wanted = Object.entries(registrations)
      .map(([kind, { concurrency = CONCURRENCY }]) => ({ kind, free: concurrency - busy(kind) }))
      .filter(({ free }) => free > 0);
    const claimedAt = performance.now();
    const { rows } = await sql.query<ClaimedRow>(
      claimEffects,
      [
        wanted.map(({ kind }) => kind),
        wanted.map(({ free }) => free),
        clock.leaseMs,
        instanceId,
        clock.outageMs,
      ],
      'actors_effects_claim',
    );
    for (const row of rows) this.#start(row, claimedAt + clock.leaseMs);
    return rows.length;
  }

  /** Renews every lease; aborts the runs whose lease is gone, or may be gone while the database is away. */
  async renew(): Promise<void> {
    const runs = [...this.#running.values()];
    if (runs.length === 0) return;
    const askedAt = performance.now();
    try {
      const { rows } = await this.#parts.sql.query<{ id: string }>(
        renewEffects,
        [runs.map(({ row }) => row.id), runs.map(({ row }) => row.attempt), this.#parts.clock.leaseMs],
        'actors_effects_renew',
      );
      const held = new Set(rows.map(({ id }) => id));
      for (const run of runs) {
        if (held.has(run.row.id)) run.heldUntil = askedAt + this.#parts.clock.leaseMs;
        else this.#abort(run, 'lease_lost');
      }
    } catch (err) {
      this.#parts.log.warn({ err, effects: runs.length }, 'effect leases could not be renewed');
    } finally {
      for (const run of runs) if (performance.now() > run.heldUntil) this.#abort(run, 'lease_lost');
    }
  }

  /** The actor no longer wants these. */
  cancel(effectIds: readonly string[]): void {
    for (const id of effectIds) {
      const run = this.#running.get(id);
      if (run !== undefined) this.#abort(run, 'canceled');
    }
  }

  /** Takes no more, aborts what runs and gives it back. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const run of this.#running.values()) this.#abort(run, 'stopping');
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  #abort({ control }: Running, cause: AbortCause): void {
    control.abort(cause);
  }

  #start(row: ClaimedRow, heldUntil: number): void {
    // Our own lease ran out before we renewed it: the run of the attempt before is worth nothing any more.
    const superseded = this.#running.get(row.id);
    if (superseded !== undefined) this.#abort(superseded, 'lease_lost');
    const control = new AbortController();
    const running: Running = {
      row,
      control,
      heldUntil,
      ended: this.#run(row, control).finally(() => {
        if (this.#running.get(row.id) === running) this.#running.delete(row.id);
        this.#parts.onFree();
      }),
    };
    this.#running.set(row.id, running);
  }

  async #run(row: ClaimedRow, control: AbortController): Promise<void> {
    const { registrations, log } = this.#parts;
    const registration = registrations[row.kind] as EffectRegistration;
    const { maxAttempts = MAX_ATTEMPTS, timeoutMs = TIMEOUT_MS } = registration;
    const run = {
      effectId: row.id,
      actorId: row.actor_id,
      rootId: row.root_id,
      kind: row.kind,
      input: row.input,
      attempt: row.attempt,
    };
    try {
      // Whoever ran it last died of it once too often, perhaps with the whole process.
      const isSpent = row.failures >= maxAttempts && !(await mustFinish(row, registration));
      const end: RunEnd = isSpent
        ? {
            end: 'crashed',
            error: { code: 'effect_crashed', message: `its worker died ${row.failures} times` },
          }
        : await runOnce(registration, run, control, timeoutMs);
      await this.#conclude(row, end, registration);
    } catch (err) {
      log.error(
        { err, effectId: row.id, kind: row.kind },
        'an effect could not be concluded; it runs again when its lease is over',
      );
    }
  }

  async #conclude(row: ClaimedRow, end: RunEnd, registration: EffectRegistration): Promise<void> {
    const { maxAttempts = MAX_ATTEMPTS } = registration;
    switch (end.end) {
      case 'done':
        return this.#handIn(row, doneEvent(row, end.output));
      case 'failed':
        if (await mustFinish(row, registration)) return this.#again(row, end.error);
        return this.#handIn(row, errorEvent(row, end.error));
      case 'later':
        return this.#release(row, end.delayMs, 0, { code: 'retry_later', message: end.reason });
      case 'aborted':
        // Canceled and lost ones are no longer ours, and the attempt number keeps this from touching them.
        return this.#release(row, 0, 0, null);
      case 'crashed': {
        const failures = row.failures + 1;
        if (failures < maxAttempts || (await mustFinish(row, registration)))
          return this.#again(row, end.error);
        const error = { ...end.error, attempts: failures };
        const output = (await registration.whenSpent?.(row.id, error)) ?? null;
        return this.#handIn(row, output === null ? errorEvent(row, error) : doneEvent(row, output));
      }
    }
  }

  async #again(row: ClaimedRow, error: JsonObject): Promise<void> {
    const failures = row.failures + 1;
    this.#parts.log.warn(
      { effectId: row.id, kind: row.kind, failures, error },
      'an effect crashed and will run again',
    );
    await this.#release(row, backoffMs(this.#parts.clock, failures), 1, error);
  }

  async #handIn(row: ClaimedRow, event: Incoming['event']): Promise<void> {
    const delivery = await this.#parts.deliver(row.actor_id, {
      id: effectResultId(row.id),
      event,
      sender: 'effect',
      principal: `effect:${row.kind}`,
      origin: { kind: 'effect', effectId: row.id, attempt: row.attempt, invokeId: row.invoke_id },
    });
    // The actor is set aside with the row untouched: the effect waits with it.
    if (delivery.outcome === 'refused') await this.#release(row, 0, 0, null);
  }

  /** Until the database is back there is nothing better to do than to ask again. */
  async #release(row: ClaimedRow, delayMs: number, failures: 0 | 1, error: JsonValue): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        const values = [
          row.id,
          row.attempt,
          delayMs,
          failures,
          error === null ? null : JSON.stringify(error),
        ];
        await this.#parts.sql.query(releaseEffect, values, 'actors_effects_release');
        return;
      } catch (err) {
        if (this.#isStopping && tries > 3) throw err;
        const waitMs = backoffMs(this.#parts.clock, tries);
        await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, 1_000)));
      }
    }
  }
}

async function mustFinish(row: ClaimedRow, registration: EffectRegistration): Promise<boolean> {
  return (await registration.mustFinish?.(row.id)) ?? false;
}

function doneEvent(row: ClaimedRow, output: JsonValue): Incoming['event'] {
  return { type: `xstate.done.actor.${row.invoke_id}`, output, actorId: row.invoke_id };
}

function errorEvent(row: ClaimedRow, error: JsonObject): Incoming['event'] {
  return { type: `xstate.error.actor.${row.invoke_id}`, error, actorId: row.invoke_id };
}
