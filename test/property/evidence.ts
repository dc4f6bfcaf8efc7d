import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../crash/world.ts';
import type { History } from './history.ts';

/** What the journals say, the newest last. */
export async function eventsOf(world: World, limit: number): Promise<string> {
  const { rows } = await world.database.sql.query<{ line: string }>(
    `SELECT concat_ws(' ', j.at::time, i.key, a.machine, p.key, t.key, j.seq, j.type, j.outcome, 'by', j.sender, j.event) AS line
       FROM journal j JOIN actor a ON a.id = j.actor_id JOIN initiative i ON i.id = a.root_id
       LEFT JOIN task t ON t.id = a.id LEFT JOIN phase p ON p.id = coalesce(t.phase_id, a.id)
      ORDER BY j.xid DESC, j.actor_id, j.seq DESC LIMIT $1`,
    [limit],
  );
  return rows
    .map(({ line }) => line)
    .toReversed()
    .join('\n');
}

/** For whoever looks for what went wrong: steps, journals, hub and remotes. */
export async function keepEvidence(world: World, history: History, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'steps'), history.steps);
  await writeFile(join(folder, 'events'), await eventsOf(world, 100_000));
  for (const part of ['remotes', 'data/hub'])
    await cp(join(world.folder, part), join(folder, part), { recursive: true });
}
