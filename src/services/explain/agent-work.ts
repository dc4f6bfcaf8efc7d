import type { SqlPool } from '../../actors/sql.ts';
import { GitError } from '../../git/git-error.ts';
import { lateWork, leftOut } from '../late-work.ts';
import type { Reason } from '../shapes/explanation.ts';
import { getSubmission } from '../work-store.ts';
import type { ExplainDeps, Subject } from './subject.ts';

/** Which agent holds the task, and for how long without a heartbeat. */
export async function leaseOf(sql: SqlPool, { actor }: Subject): Promise<Reason[]> {
  if (!actor.tags.includes('leased')) return [];
  const { rows } = await sql.query<{
    name: string;
    agent_id: string;
    attempt: number;
    expires_at: Date;
    message: string | null;
  }>(
    `SELECT a.name, l.agent_id, l.attempt, l.expires_at, p.message FROM lease l JOIN agent a ON a.id = l.agent_id
       LEFT JOIN progress p ON p.lease_id = l.lease_id WHERE l.task_id = $1`,
    [actor.id],
  );
  return rows.map(({ name, agent_id, attempt, expires_at, message }) => {
    const expires = expires_at.toISOString();
    return {
      code: 'leased',
      text: `agent ${name} holds the lease until ${expires} unless it sends a heartbeat${message === null ? '' : `; it last said: ${message}`}`,
      refers: [agent_id],
      lease: { agentId: agent_id, agent: name, attempt, expires },
    };
  });
}

/** Others wait for a task that was outrun too often. */
export async function holdOf(sql: SqlPool, { actor, kind }: Subject): Promise<Reason[]> {
  if (kind !== 'task') return [];
  const { rows } = await sql.query<{ ref: string; until: Date }>(
    `SELECT h.ref, h.until FROM lane_hold h JOIN lease l ON l.lease_id = h.lease_id AND NOT l.expired
      WHERE h.task_id = $1 AND h.until > db_now()`,
    [actor.id],
  );
  return rows.map(({ ref, until }) => ({
    code: 'lane_held',
    text: `it was outrun too often: nothing else is landed on ${ref} until it is handed in, or until ${until.toISOString()}`,
    refers: [],
  }));
}

/** Pushes that came after their lease and are not contained in what was handed in; a next attempt is offered them. */
export async function lateWorkOf(deps: ExplainDeps, { actor, task }: Subject): Promise<Reason[]> {
  if (task === null) return [];
  try {
    const late = await lateWork(deps, task, Number(actor.context['attempt'] ?? 0));
    const digest = actor.context['submission'];
    const submission = typeof digest === 'string' ? await getSubmission(deps.sql, task.id, digest) : null;
    return (await leftOut(deps, task, late, submission?.heads ?? {})).map(
      ({ project, attempt, commit, ref }) => ({
        code: 'late_work',
        text: `attempt ${attempt} pushed ${commit.slice(0, 12)} to ${project} after its lease: kept at ${ref}`,
        refers: [],
      }),
    );
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    // When the hub can not be read, everything else is still explained.
    const text = `whether anything was pushed after a lease is not known: the hub can not be read (${error.code})`;
    return [{ code: 'late_work_unknown', text, refers: [] }];
  }
}

/** Why nobody has claimed it yet. */
export async function claimOf(sql: SqlPool, { actor }: Subject): Promise<Reason[]> {
  if (!actor.tags.includes('claimable')) return [];
  const { rows } = await sql.query<{
    paused: boolean;
    capabilities: string[];
    held: number;
    task_limit: number;
    agents: number;
    owned: boolean;
  }>(
    `SELECT i.paused, t.capabilities, i.task_limit,
            (SELECT count(*) FROM lease l WHERE l.initiative_id = i.id)::int AS held,
            (SELECT count(*) FROM agent a WHERE t.capabilities <@ a.capabilities)::int AS agents,
            EXISTS (SELECT 1 FROM landing_intent n JOIN phase p ON p.id = t.phase_id
                     WHERE n.state = 'open' AND n.ref = 'refs/heads/signalbox/' || i.key || '/phase/' || p.key) AS owned
       FROM task t JOIN initiative i ON i.id = t.initiative_id WHERE t.id = $1`,
    [actor.id],
  );
  const row = rows[0];
  if (row === undefined) return [];
  const reasons: Reason[] = [];
  const say = (code: string, text: string) => reasons.push({ code, text, refers: [] });
  if (row.paused) say('paused', 'the initiative is paused: nothing is claimed');
  if (row.held >= row.task_limit) say('task_limit', `the initiative allows ${row.task_limit} tasks at once`);
  if (row.owned) say('landing_under_way', 'a landing owns the branch of the phase at this moment');
  if (row.agents === 0) {
    say('no_agent', `no agent is registered that can do ${row.capabilities.join(', ') || 'it'}`);
  }
  if (reasons.length === 0) say('claimable', 'waits for the next agent that asks');
  return reasons;
}
