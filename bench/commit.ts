import { randomUUID } from 'node:crypto';

import { migrations } from '../migrations/index.ts';
import { createRuntime } from '../src/actors/create-runtime.ts';
import { commitStatement } from '../src/actors/commit.sql.ts';
import { Registry } from '../src/actors/registry.ts';
import { actorRows, readActor } from '../src/actors/actor-row.ts';
import type { ActorRow } from '../src/actors/actor-row.ts';
import { takeTurn } from '../src/actors/turn.ts';
import { openDatabase } from '../src/db/database.ts';
import { echo, nodeDefinition, noteTable, noteWriters } from '../test/actors/support/machines.ts';

/**
 * Prints durable events per second, side by side: one batched statement, and a transaction per event that locks, reads, steps
 * and writes. Wants an empty database: node bench/commit.ts postgres://...
 */
const ACTORS = 256;
const SECONDS = 4;
const url = process.argv[2];
if (url === undefined)
  throw new Error('name an empty database: node bench/commit.ts postgres://user@host/name');
const database = await openDatabase({ url, poolSize: 34 });
await database.migrate();
await database.sql.query(noteTable.replace('CREATE TABLE', 'CREATE TABLE IF NOT EXISTS'));
const { sql } = database;
const quiet = () => undefined;
const registry = new Registry({
  definitions: [nodeDefinition],
  effectKinds: ['node.work'],
  rowWriters: noteWriters,
});
const runtime = createRuntime({
  sql,
  definitions: [nodeDefinition],
  effects: { 'node.work': echo },
  rowWriters: noteWriters,
  instanceId: randomUUID(),
  log: { info: quiet, warn: quiet, error: console.error },
});
await runtime.start();
const ids = Array.from({ length: ACTORS }, () => randomUUID());
await sql.transaction((tx) =>
  runtime.create(
    tx,
    ids.map((id) => ({ id, machine: 'node', rootId: id, parentId: null, input: {}, principal: 'bench' })),
  ),
);

async function batched(actorId: string): Promise<void> {
  const outcome = await runtime.post(actorId, {
    id: randomUUID(),
    type: 'add',
    payload: { by: 1 },
    sender: 'operator',
    principal: 'bench',
  });
  if (outcome.outcome !== 'accepted') throw new Error(JSON.stringify(outcome));
}

async function alone(actorId: string): Promise<void> {
  await sql.transaction(async (tx) => {
    const { rows } = await tx.query<ActorRow>(`${actorRows} WHERE a.id = $1 FOR NO KEY UPDATE OF a`, [
      actorId,
    ]);
    const incoming = {
      id: randomUUID(),
      event: { type: 'add', by: 1 },
      sender: 'operator' as const,
      principal: 'bench',
      origin: null,
    };
    const [row] = rows;
    if (row === undefined) throw new Error('the actor is gone');
    const turn = takeTurn(registry, readActor(registry, row), [incoming]);
    const { text, values } = commitStatement([turn], registry.rowWriters);
    await tx.query(text, values, 'bench_alone');
  });
}

async function measure(
  name: string,
  inFlight: number,
  one: (actorId: string) => Promise<void>,
): Promise<void> {
  const until = performance.now() + SECONDS * 1_000;
  const times: number[] = [];
  const cpu = process.cpuUsage();
  await Promise.all(
    Array.from({ length: inFlight }, async (_, lane) => {
      for (let n = 0; performance.now() < until; n += 1) {
        const startedAt = performance.now();
        await one(ids[(lane + n * inFlight) % ACTORS] ?? '');
        times.push(performance.now() - startedAt);
      }
    }),
  );
  times.sort((a, b) => a - b);
  const { user, system } = process.cpuUsage(cpu);
  const at = (part: number) => (times[Math.floor(times.length * part)] ?? 0).toFixed(1);
  const perSecond = Math.round(times.length / SECONDS);
  console.log(
    `${name.padEnd(28)} ${String(inFlight).padStart(4)} in flight ${String(perSecond).padStart(6)} events/s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  ${Math.round((user + system) / times.length)} us CPU`,
  );
}

console.log(`${migrations.length} migrations, ${ACTORS} actors, ${SECONDS} s each`);
for (const inFlight of [1, 64, 256]) await measure('one statement, batched', inFlight, batched);
for (const inFlight of [1, 32]) await measure('a transaction per event', inFlight, alone);
await runtime.stop();
await database.close();
