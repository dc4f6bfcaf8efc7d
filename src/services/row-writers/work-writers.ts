import type { RowWriter } from '../../actors/row-writer.ts';

/** Rows that make a task claimable, and the lease of the agent that claimed it. */
export const workWriters: readonly RowWriter[] = [
  {
    name: 'ready.put',
    key: () => 'ready',
    replaces: ['ready.remove'],
    columns: { priority: 'int', attempt: 'int' },
    // A task that only changes its priority keeps its place in time and its reservation.
    statement: (rows) => `
      INSERT INTO ready_task (task_id, initiative_id, phase_id, priority, attempt)
      SELECT actor_id, root_id, parent_id, priority, attempt FROM ${rows}
      ON CONFLICT (task_id) DO UPDATE SET priority = excluded.priority, attempt = excluded.attempt`,
  },
  {
    name: 'ready.remove',
    key: () => 'ready',
    replaces: ['ready.put'],
    columns: {},
    statement: (rows) => `DELETE FROM ready_task r USING ${rows} x WHERE r.task_id = x.actor_id`,
  },
  {
    name: 'lease.put',
    key: () => 'lease',
    replaces: ['lease.remove'],
    columns: { lease: 'uuid', agent: 'uuid', attempt: 'int', seconds: 'int' },
    statement: (rows) => `
      INSERT INTO lease (task_id, lease_id, agent_id, initiative_id, attempt, seconds, expires_at)
      SELECT actor_id, lease, agent, root_id, attempt, seconds, db_now() + seconds * interval '1 second' FROM ${rows}
      ON CONFLICT (task_id) DO UPDATE SET lease_id = excluded.lease_id, agent_id = excluded.agent_id,
        attempt = excluded.attempt, seconds = excluded.seconds, expires_at = excluded.expires_at, expired = false`,
  },
  {
    name: 'lease.remove',
    key: () => 'lease',
    replaces: ['lease.put'],
    columns: {},
    statement: (rows) => `DELETE FROM lease l USING ${rows} x WHERE l.task_id = x.actor_id`,
  },
];
