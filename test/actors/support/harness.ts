import { randomUUID } from 'node:crypto';

import { v4 } from 'uuid';
import { vi } from 'vitest';

import { createRuntime } from '../../../src/actors/create-runtime.ts';
import type { EffectRegistration } from '../../../src/actors/effects.ts';
import type { JsonObject } from '../../../src/actors/json.ts';
import type { Outcome, PostedEvent } from '../../../src/actors/outcome.ts';
import type { Runtime, RuntimeOptions } from '../../../src/actors/runtime.ts';
import type { SqlPool } from '../../../src/actors/sql.ts';
import { createTestDatabase } from '../../support/database.ts';
import { echo, nodeDefinition, noteTable, noteWriters } from './machines.ts';

export interface LoggedLine {
  level: 'info' | 'warn' | 'error';
  fields: object;
  message: string;
}

/** A database with the table of the test's row writers, and runtimes over it that end with it. */
export interface Stage {
  readonly sql: SqlPool;
  readonly url: string;
  readonly lines: LoggedLine[];
  runtime(options?: Partial<RuntimeOptions> & { work?: EffectRegistration }): Runtime;
  /** Starts a runtime of its own. */
  started(options?: Partial<RuntimeOptions> & { work?: EffectRegistration }): Promise<Runtime>;
  /** A new root actor, born and committed. */
  born(runtime: Runtime, input?: JsonObject, id?: string): Promise<string>;
  /** Moves the database's clock; heartbeats move with it unless the service is to have been away. */
  shiftClock(ms: number, heartbeat?: 'alive' | 'away'): Promise<void>;
  count(table: string, where?: string): Promise<number>;
  close(): Promise<void>;
}

/** Faster than production, with the same proportions. */
export const testClock = {
  pollMs: 40,
  notifyMs: 5,
  retryBaseMs: 20,
  retryCapMs: 200,
  renewMs: 500,
  heartbeatMs: 500,
};

export async function openStage(poolSize = 10): Promise<Stage> {
  const database = await createTestDatabase({ poolSize });
  await database.sql.query(noteTable);
  return stageOver(database);
}

export function stageOver(database: { sql: SqlPool; url: string; close(): Promise<void> }): Stage {
  const { sql } = database;
  const runtimes: Runtime[] = [];
  const lines: LoggedLine[] = [];
  const write = (level: LoggedLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  let shiftedMs = 0;
  const stage: Stage = {
    sql,
    url: database.url,
    lines,
    runtime({ work, ...options } = {}) {
      return createRuntime({
        sql,
        definitions: [nodeDefinition],
        effects: { 'node.work': work ?? echo },
        rowWriters: noteWriters,
        instanceId: randomUUID(),
        log: { info: write('info'), warn: write('warn'), error: write('error') },
        ...options,
        clock: { ...testClock, ...options.clock },
      });
    },
    async started(options) {
      const runtime = stage.runtime(options);
      await runtime.start();
      runtimes.push(runtime);
      return runtime;
    },
    async born(runtime, input = {}, id = randomUUID()) {
      await sql.transaction((tx) =>
        runtime.create(tx, [{ id, machine: 'node', rootId: id, parentId: null, input, principal: 'test' }]),
      );
      runtime.wake();
      return id;
    },
    async shiftClock(ms, heartbeat = 'alive') {
      shiftedMs += ms;
      await sql.transaction(async (tx) => {
        await tx.query(`CREATE OR REPLACE FUNCTION db_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
          AS 'SELECT statement_timestamp() + interval ''${shiftedMs} milliseconds'''`);
        if (heartbeat === 'alive')
          await tx.query(`UPDATE actor_heartbeat SET beat_at = beat_at + $1 * interval '1 millisecond'`, [
            ms,
          ]);
      });
    },
    async count(table, where = 'true') {
      const { rows } = await sql.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM ${table} WHERE ${where}`,
      );
      return rows[0]?.n ?? 0;
    },
    async close() {
      await Promise.all(runtimes.map((runtime) => runtime.stop()));
      await database.close();
    },
  };
  return stage;
}

/** Waits until a check passes. A fact that never comes fails the test late; one that comes late on a busy machine does not. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000, interval: 20 });
}

/** An event of an operator with a fresh id. */
export function event(type: string, payload: JsonObject = {}, more: Partial<PostedEvent> = {}): PostedEvent {
  return { id: v4(), type, payload, sender: 'operator', principal: 'token:test', ...more };
}

/** The outcome when something was journaled; fails the test otherwise. */
export function recorded(outcome: Outcome) {
  if (outcome.outcome === 'refused') throw new Error(`refused: ${outcome.code} ${outcome.message}`);
  return outcome;
}
