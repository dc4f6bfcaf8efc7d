import type { Sql } from '../actors/sql.ts';
import { Refusal } from '../errors.ts';
import type { AttemptRow } from './claims.ts';
import type { AgentView } from './shapes/agent.ts';
import type { Principal } from './shapes/token.ts';

export interface AgentRow {
  readonly id: string;
  readonly token_id: string;
  readonly name: string;
  readonly capabilities: string[];
  readonly last_seen_at: Date | null;
  readonly created_at: Date;
  readonly task_id: string | null;
  readonly task_key: string | null;
  readonly attempt: number | null;
}

/** Agents with the task that each of them holds. */
export const AGENT = `SELECT a.id, a.token_id, a.name, a.capabilities, a.last_seen_at, a.created_at,
                             l.task_id, t.key AS task_key, l.attempt
                        FROM agent a LEFT JOIN lease l ON l.agent_id = a.id LEFT JOIN task t ON t.id = l.task_id`;

/** Refuses with `unknown_agent` or `foreign_agent`. */
export async function ownAgent(sql: Sql, agentId: string, principal: Principal): Promise<AgentRow> {
  const { rows } = await sql.query<AgentRow>(`${AGENT} WHERE a.id = $1`, [agentId]);
  const agent = rows[0];
  if (agent === undefined) throw new Refusal('unknown_agent', `no agent has the id ${agentId}`);
  if (agent.token_id !== principal.tokenId) {
    throw new Refusal('foreign_agent', 'this agent was registered with another token');
  }
  return agent;
}

/** Refuses with `foreign_lease`. */
export async function ownAttempt(sql: Sql, agentId: string, leaseId: string): Promise<AttemptRow> {
  const { rows } = await sql.query<AttemptRow>(
    'SELECT lease_id, task_id, number, agent_id, branch, start FROM attempt WHERE lease_id = $1 AND agent_id = $2',
    [leaseId, agentId],
  );
  const attempt = rows[0];
  if (attempt === undefined) throw new Refusal('foreign_lease', 'this lease is not one of this agent');
  return attempt;
}

/** The attempt whose lease the agent holds now. */
export async function heldAttempt(sql: Sql, agentId: string): Promise<AttemptRow | null> {
  const { rows } = await sql.query<AttemptRow>(
    `SELECT a.lease_id, a.task_id, a.number, a.agent_id, a.branch, a.start
       FROM lease l JOIN attempt a ON a.lease_id = l.lease_id
      WHERE l.agent_id = $1 AND NOT l.expired ORDER BY a.created_at LIMIT 1`,
    [agentId],
  );
  return rows[0] ?? null;
}

/** Whether the lease lives: the same question that a push and a heartbeat ask. */
export async function hasLease(sql: Sql, leaseId: string): Promise<boolean> {
  const { rows } = await sql.query('SELECT 1 FROM lease WHERE lease_id = $1 AND NOT expired', [leaseId]);
  return rows.length > 0;
}

export function leaseOver(): Refusal {
  return new Refusal(
    'lease_over',
    'the lease has ended and the task is out of your hands; what you pushed is kept, claim again',
  );
}

export function agentView(row: AgentRow): AgentView {
  return {
    id: row.id,
    name: row.name,
    capabilities: row.capabilities,
    task:
      row.task_id === null || row.task_key === null || row.attempt === null
        ? null
        : { id: row.task_id, key: row.task_key, attempt: row.attempt },
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
  };
}

/** Whether a task has had this very event. */
export async function isApplied(sql: Sql, taskId: string, eventId: string): Promise<boolean> {
  const { rows } = await sql.query('SELECT 1 FROM journal WHERE actor_id = $1 AND event_id = $2', [
    taskId,
    eventId,
  ]);
  return rows.length > 0;
}
