import type { JsonObject } from './json.ts';
import type { Registry } from './registry.ts';
import { restore, UnreadableSnapshot } from './snapshot-codec.ts';
import type { LoadedActor } from './turn.ts';
import { upgradeSnapshot } from './upgrade.ts';

/** A row of `actor`, with what keeps it in quarantine. */
export interface ActorRow {
  readonly id: string;
  readonly machine: string;
  readonly machine_version: number;
  readonly version: string;
  readonly status: string;
  readonly root_id: string;
  readonly parent_id: string | null;
  readonly snapshot: JsonObject;
  readonly updated_at: Date;
  readonly entered_at: Date;
  readonly quarantine: string | null;
}

/** `$1` is filled in by the reader: a condition on `a`. */
export const actorRows = `
SELECT a.id, a.machine, a.machine_version, a.version, a.status, a.root_id, a.parent_id, a.snapshot, a.updated_at, a.entered_at,
  (SELECT q.reason FROM actor_quarantine q WHERE q.actor_id = a.id ORDER BY q.at LIMIT 1) AS quarantine
FROM actor a`;

/** Written by a newer release: this process must leave it to others, not set it aside. */
export class WrittenByNewer extends Error {
  constructor(row: ActorRow, known: number) {
    super(
      `${row.machine} ${row.id} was written by version ${row.machine_version}; this process knows up to ${known}`,
    );
    this.name = 'WrittenByNewer';
  }
}

/** Reads a row without starting anything; throws `UnreadableSnapshot` or `WrittenByNewer`. */
export function readActor(registry: Registry, row: ActorRow): LoadedActor {
  const registered = registry.machines.get(row.machine);
  if (registered === undefined)
    throw new UnreadableSnapshot(`no machine named "${row.machine}" is registered`);
  const { definition, scope } = registered;
  if (row.machine_version > definition.version) throw new WrittenByNewer(row, definition.version);
  const isOld = row.machine_version < definition.version;
  return {
    id: row.id,
    machine: row.machine,
    rootId: row.root_id,
    parentId: row.parent_id,
    version: Number(row.version),
    state: restore(scope, upgradeSnapshot(definition, row.machine_version, row.snapshot)),
    upgradedFrom: isOld ? row.machine_version : null,
  };
}
