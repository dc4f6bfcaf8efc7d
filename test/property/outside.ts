import { randomUUID } from 'node:crypto';
import { access, chmod, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Random } from '../../src/demo/random.ts';
import { claimPoints, deliveryPoints, landingPoints } from '../../src/git/boundary.ts';
import { refsOf } from '../support/git.ts';
import { SHARED, sharedContent } from './attempt.ts';
import { Clone } from './clone.ts';
import type { History } from './history.ts';
import type { Ledger } from './ledger.ts';
import { chance } from './plans.ts';
import type { ReachableService } from './reachable-service.ts';

/** What happens around the service: time, kills, remotes that move, refuse or are away. */
export class Outside {
  readonly name = 'outside';
  readonly #service: ReachableService;
  readonly #ledger: Ledger;
  readonly #history: History;
  readonly #clones = new Map<string, Clone>();
  readonly #refusing = new Set<string>();
  readonly #away = new Set<string>();
  #shift = 0;

  constructor(service: ReachableService, ledger: Ledger, history: History) {
    this.#service = service;
    this.#ledger = ledger;
    this.#history = history;
  }

  async step(random: Random): Promise<string> {
    const act = random.next();
    const project = random.pick(this.#service.world.keys);
    if (act < 0.3) return this.passTime(random.between(1, 25), chance(random, 0.8));
    if (act < 0.45) return this.#lapse(random);
    if (act < 0.54) return this.#commit(project, random);
    if (act < 0.6) return this.#writeBeside(project, random);
    if (act < 0.7) return this.#refuse(project);
    if (act < 0.76) return this.#leave(project);
    if (act < 0.88) {
      const point = random.pick([...landingPoints, ...deliveryPoints, ...claimPoints]);
      await this.#service.killAt(point);
      return `kill-at ${point}`;
    }
    if (act < 0.96) {
      await this.#service.kill();
      return 'kill';
    }
    await this.#service.restart();
    return 'restart';
  }

  /** Remotes are there and take what they are given. */
  async calm(): Promise<void> {
    // In this order: who is away can not be told to take again.
    for (const project of this.#away) await this.#leave(project);
    for (const project of this.#refusing) await this.#refuse(project);
  }

  /** The database's clock goes forward; where the service is seen alive all the time, that is no outage of ours. */
  async passTime(seconds: number, isAlive: boolean): Promise<string> {
    this.#shift += seconds;
    await this.#service.world.database.sql.transaction(async (sql) => {
      await sql.query(
        `CREATE OR REPLACE FUNCTION db_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
         AS 'SELECT statement_timestamp() + interval ''${this.#shift} seconds'''`,
      );
      if (!isAlive) return;
      await sql.query('UPDATE actor_heartbeat SET beat_at = db_now()');
      // What runs in the service is renewed while it lives.
      for (const table of ['effect', 'landing'])
        await sql.query(`UPDATE ${table} SET lease_until = lease_until + $1 * interval '1 second'`, [
          seconds,
        ]);
    });
    return isAlive ? `pass-time ${seconds} s` : `outage ${seconds} s`;
  }

  /** One agent was not heard of for a whole lease. */
  async #lapse(random: Random): Promise<string> {
    const { sql } = this.#service.world.database;
    const { rows } = await sql.query<{ lease_id: string }>('SELECT lease_id FROM lease WHERE NOT expired');
    if (rows.length === 0) return 'lapse nothing';
    await sql.query(`UPDATE lease SET expires_at = db_now() - interval '1 second' WHERE lease_id = $1`, [
      random.pick(rows).lease_id,
    ]);
    return 'lapse one lease';
  }

  async #commit(project: string, random: Random): Promise<string> {
    if (this.#away.has(project)) return 'commit nothing';
    const remote = this.#service.world.remote(project);
    const clone =
      this.#clones.get(project) ?? new Clone(path.join(this.#service.world.folder, 'outside', project));
    this.#clones.set(project, clone);
    const tips = await clone.fetch(remote, {});
    const edits = chance(random, 0.5);
    const commit = await clone.commit({
      from: tips['refs/heads/main'] ?? '',
      files: edits
        ? { [SHARED]: sharedContent(`outside ${randomUUID()}`) }
        : { [`outside/${randomUUID()}.txt`]: 'from outside\n' },
      message: 'outside',
    });
    // No force: a delivery may have been faster.
    const pushed = await clone.pushPlainly(remote, commit, 'main');
    return `outside-commit ${project}${edits ? ' to the shared file' : ''}${pushed ? '' : ', too late'}`;
  }

  /** On the branch of some phase, in the hub itself. */
  async #writeBeside(project: string, random: Random): Promise<string> {
    const hub = await this.#service.world.hub(project);
    const tips = Object.entries(await refsOf(hub, 'refs/heads/signalbox/*/phase/*'));
    if (tips.length === 0) return 'write-beside nothing';
    const [ref, tip] = random.pick(tips);
    const commit = await Clone.commitInPlace(hub, ref, tip, `beside/${randomUUID()}.txt`);
    if (commit === null) return `write-beside ${ref}, too late`;
    this.#ledger.beside.push({ project, ref, commit });
    return `write-beside ${project} ${ref} ${commit}`;
  }

  /** From now on it refuses every push, or none. */
  async #refuse(project: string): Promise<string> {
    if (this.#away.has(project)) return 'refuse nothing';
    const hook = path.join(this.#service.world.remote(project), 'hooks', 'pre-receive');
    if (this.#refusing.delete(project)) {
      await rm(hook, { force: true });
      return `takes-again ${project}`;
    }
    this.#refusing.add(project);
    await writeFile(hook, '#!/bin/sh\necho "closed today" >&2\nexit 1\n');
    await chmod(hook, 0o755);
    return `refuses ${project}`;
  }

  /** It can not be found, or is there again. */
  async #leave(project: string): Promise<string> {
    const dir = this.#service.world.remote(project);
    if (this.#away.delete(project)) {
      await rename(`${dir}.away`, dir);
      return `remote-back ${project}`;
    }
    await access(dir);
    this.#away.add(project);
    await rename(dir, `${dir}.away`);
    this.#history.count('remote: away');
    return `remote-away ${project}`;
  }
}
