import { randomUUID } from 'node:crypto';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Sql, SqlPool } from '../actors/sql.ts';
import { makeFolder } from '../make-folder.ts';
import { isErrno } from './embedded/cluster.ts';
import { flushFolder } from './flush-folder.ts';
import { refuseUnusable } from './folder-refusal.ts';

/** The hub folder and the database do not belong together; the message is for the person who starts the service. */
export class HubRefusal extends Error {
  override readonly name = 'HubRefusal';
}

interface HubFolder {
  readonly id: string | null;
  /** The ids of the projects that have a repository here. */
  readonly projects: readonly string[];
}

interface KnownHub {
  readonly id: string | null;
  /** False: a first start chose the id and ended before any service worked with that hub. */
  readonly bound: boolean;
  readonly projects: readonly string[];
}

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Held while a database and its hub get to know each other: replicas may have their first start at the same time. */
const bindLock = 0x5167_0002;

/**
 * Refuses a hub that is not this database's, changing nothing: a landing believes both, so every process of one database has to work
 * in one hub, and no other database may. Asked before the migrations, so the tables may not be there yet.
 */
export async function checkHub(sql: Sql, folder: string): Promise<void> {
  refuseForeign(folder, await lookAt(folder), await knownHub(sql));
}

/** Checks again, now alone, and at the first start gives folder and database the id they know each other by. */
export async function bindHub(sql: SqlPool, folder: string): Promise<void> {
  await sql.transaction(async (guard) => {
    await guard.query('SELECT pg_advisory_xact_lock($1)', [bindLock]);
    const [hub, known] = [await lookAt(folder), await knownHub(sql)];
    refuseForeign(folder, hub, known);
    await makeClosed(folder);
    if (known.bound) return;
    if (hub.id === null) {
      const id = randomUUID();
      // Committed before the file is there: if this process ends in between, the next start knows the file for its own.
      await sql.query(
        `INSERT INTO hub_id (id) VALUES ($1)
         ON CONFLICT (only_row) DO UPDATE SET id = excluded.id WHERE hub_id.bound_at IS NULL`,
        [id],
      );
      await writeId(folder, id);
    }
    await sql.query('UPDATE hub_id SET bound_at = db_now()');
  });
}

/** The id of the hub in a folder; null when it has none, or there is no folder. */
export async function readHubId(folder: string): Promise<string | null> {
  const file = idFile(folder);
  let id: string;
  try {
    id = (await refuseUnusable('hub', folder, () => readFile(file, 'utf8'))).trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
  if (idPattern.test(id)) return id;
  throw new HubRefusal(
    `${file} does not hold an id: delete it if no service ever ran on this hub, otherwise restore it from a backup.`,
  );
}

export function foreignHub(folder: string): HubRefusal {
  return new HubRefusal(
    `The hub in ${folder} belongs to another database: name the hub of this database in SIGNALBOX_HUB (every service on it has the same), or the database of this hub in DATABASE_URL.`,
  );
}

function refuseForeign(folder: string, hub: HubFolder, known: KnownHub): void {
  const isKnown = known.projects.some((id) => hub.projects.includes(id));
  if (hub.id !== null && hub.id !== known.id) throw foreignHub(folder);
  if (known.projects.length > 0 && !isKnown)
    throw new HubRefusal(
      `The hub in ${folder} has none of the repositories of this database: name the hub where they are in SIGNALBOX_HUB (every service on it has the same), mount its storage, or restore it from a backup.`,
    );
  if (hub.id === null && known.bound)
    throw new HubRefusal(
      `The hub in ${folder} has no id, and this database has a hub: name that one in SIGNALBOX_HUB (every service on it has the same), or if this is it and only the file was lost, write ${known.id} into ${idFile(folder)}.`,
    );
  // From before hubs had ids, perhaps of a database that is not running now.
  if (hub.id === null && hub.projects.length > 0 && !isKnown) throw foreignHub(folder);
}

async function lookAt(folder: string): Promise<HubFolder> {
  const names = await refuseUnusable('hub', folder, () => readdir(folder)).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  return {
    id: await readHubId(folder),
    projects: names.filter((name) => name.endsWith('.git')).map((name) => name.slice(0, -'.git'.length)),
  };
}

async function knownHub(sql: Sql): Promise<KnownHub> {
  const { rows: tables } = await sql.query<{ hub: boolean; project: boolean }>(
    `SELECT to_regclass('hub_id') IS NOT NULL AS hub, to_regclass('project') IS NOT NULL AS project`,
  );
  const [there] = tables;
  const hub = there?.hub
    ? await sql.query<{ id: string; bound: boolean }>('SELECT id, bound_at IS NOT NULL AS bound FROM hub_id')
    : null;
  const projects = there?.project ? await sql.query<{ id: string }>('SELECT id FROM project') : null;
  return {
    id: hub?.rows[0]?.id ?? null,
    bound: hub?.rows[0]?.bound ?? false,
    projects: (projects?.rows ?? []).map(({ id }) => id),
  };
}

/** Closed to other users, because it is other people's source code. */
function makeClosed(folder: string): Promise<void> {
  return refuseUnusable('hub', folder, async () => {
    await makeFolder(folder, 0o700);
    if (((await stat(folder)).mode & 0o077) !== 0) await chmod(folder, 0o700);
  });
}

function writeId(folder: string, id: string): Promise<void> {
  return refuseUnusable('hub', folder, async () => {
    try {
      await writeFile(idFile(folder), `${id}\n`, { flag: 'wx', flush: true });
    } catch (error) {
      // A service on another database was faster.
      if (isErrno(error, 'EEXIST')) throw foreignHub(folder);
      throw error;
    }
    await flushFolder(folder);
  });
}

function idFile(folder: string): string {
  return path.join(folder, 'hub-id');
}
