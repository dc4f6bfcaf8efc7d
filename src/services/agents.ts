import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../actors/json.ts';
import type { JournalFeed } from '../actors/journal-types.ts';
import { Refusal } from '../errors.ts';
import { describeClaim, heartbeatSeconds, startAttempt, type AttemptRow, type ClaimDeps } from './claims.ts';
import type { AgentService, Answered, Caller, ClaimCaller, Sending } from './contracts.ts';
import { eventAnswer, type Answer } from './event-answers.ts';
import { gitRefusal } from './git-refusal.ts';
import { principalName } from './principal-name.ts';
import { releaseReadyTask, reserveReadyTask } from './ready-tasks.ts';
import { holdKey, withRequest } from './requests.ts';
import type {
  AgentView,
  Ask,
  Claim,
  ClaimRequest,
  Fail,
  Heartbeat,
  LeaseAnswer,
  NewAgent,
  Progress,
  Stop,
  Submit,
} from './shapes/agent.ts';
import type { Principal } from './shapes/token.ts';
import { recordSubmission } from './submissions.ts';

/** How often a waiting claim looks again without being woken. */
const LOOK_AGAIN_MS = 1_000;

interface AgentRow {
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

const AGENT = `SELECT a.id, a.token_id, a.name, a.capabilities, a.last_seen_at, a.created_at,
                      l.task_id, t.key AS task_key, l.attempt
                 FROM agent a LEFT JOIN lease l ON l.agent_id = a.id LEFT JOIN task t ON t.id = l.task_id`;

/** The doors of agents: register, claim, report. */
export class Agents implements AgentService {
  readonly #deps: ClaimDeps & { readonly feed: () => JournalFeed };

  constructor(deps: ClaimDeps & { readonly feed: () => JournalFeed }) {
    this.#deps = deps;
  }

  /** A name that the token has registered before is the same agent again, with the capabilities it has now. */
  async register(wanted: NewAgent, caller: Caller): Promise<Answered<AgentView>> {
    return this.#deps.sql.transaction((sql) =>
      withRequest<AgentView>(sql, caller, async () => {
        const { rows } = await sql.query<{ id: string }>(
          `INSERT INTO agent (id, token_id, name, capabilities, last_seen_at) VALUES ($1, $2, $3, $4, db_now())
           ON CONFLICT (token_id, name) DO UPDATE SET capabilities = excluded.capabilities, last_seen_at = db_now()
           RETURNING id`,
          [randomUUID(), caller.principal.tokenId, wanted.name, wanted.capabilities],
        );
        const found = await sql.query<AgentRow>(`${AGENT} WHERE a.id = $1`, [rows[0]?.id]);
        return agentView(found.rows[0] ?? missing());
      }),
    );
  }

  async list(principal: Principal): Promise<AgentView[]> {
    const own = principal.scope === 'agent' ? principal.tokenId : null;
    const { rows } = await this.#deps.sql.query<AgentRow>(
      `${AGENT} WHERE $1::uuid IS NULL OR a.token_id = $1 ORDER BY a.created_at, a.id`,
      [own],
    );
    return rows.map(agentView);
  }

  async claim(agentId: string, request: ClaimRequest, caller: ClaimCaller): Promise<Claim | null> {
    const agent = await this.#ownAgent(agentId, caller.principal);
    const until = Date.now() + request.waitSeconds * 1_000;
    for (;;) {
      if (caller.signal.aborted) return null;
      const claim = (await this.#heldClaim(agentId, caller)) ?? (await this.#tryClaim(agent, caller));
      if (claim !== null) return claim;
      const left = until - Date.now();
      // A request that came together with this one may have got the task meanwhile.
      if (left <= 0) return this.#heldClaim(agentId, caller);
      await this.#news(Math.min(left, LOOK_AGAIN_MS), caller.signal);
    }
  }

  /** A lease that is over stays over: whoever took it away may have told the task already. */
  async heartbeat(agentId: string, body: Heartbeat, principal: Principal): Promise<LeaseAnswer> {
    await this.#ownAgent(agentId, principal);
    const attempt = await this.#attempt(agentId, body.lease);
    const { rows } = await this.#deps.sql.query<{ seconds: number }>(
      `UPDATE lease SET expires_at = db_now() + seconds * interval '1 second'
        WHERE lease_id = $1 AND expires_at >= db_now() RETURNING seconds`,
      [body.lease],
      'lease-renew',
    );
    const lease = rows[0];
    if (lease === undefined) throw leaseOver();
    await this.#seen(agentId);
    return {
      lease: body.lease,
      seconds: lease.seconds,
      heartbeatSeconds: heartbeatSeconds(lease.seconds),
      questionAnswer: await this.#lastAnswer(attempt),
    };
  }

  async progress(agentId: string, body: Progress, principal: Principal): Promise<LeaseAnswer> {
    const answer = await this.heartbeat(agentId, { lease: body.lease }, principal);
    await this.#deps.sql.query(
      `INSERT INTO progress (lease_id, task_id, message, percent)
       SELECT a.lease_id, a.task_id, $2, $3 FROM attempt a WHERE a.lease_id = $1
       ON CONFLICT (lease_id) DO UPDATE SET message = excluded.message, percent = excluded.percent, at = db_now()`,
      [body.lease, body.message, body.percent ?? null],
    );
    return answer;
  }

  async submit(agentId: string, body: Submit, sending: Sending): Promise<Answer> {
    const attempt = await this.#reported(agentId, body.lease, sending);
    // A report that came before gets its first answer, whatever has become of the lease and the branches since.
    const live = await this.#isLive(body.lease);
    const submission = live ? await this.#record(attempt, body.noChanges) : '0'.repeat(64);
    return this.#report(
      attempt,
      'task.submit',
      { submission, summary: body.summary, noChanges: body.noChanges },
      sending,
    );
  }

  async fail(agentId: string, body: Fail, sending: Sending): Promise<Answer> {
    const attempt = await this.#reported(agentId, body.lease, sending);
    return this.#report(attempt, 'task.fail', { code: body.code, message: body.message }, sending);
  }

  /** An agent that stops with success hands in what it has pushed; one that crashed or was stopped does not. */
  async stop(agentId: string, body: Stop, sending: Sending): Promise<Answer> {
    if (body.reason === 'success') {
      return this.submit(
        agentId,
        { lease: body.lease, summary: body.summary, noChanges: body.noChanges },
        sending,
      );
    }
    const attempt = await this.#reported(agentId, body.lease, sending);
    return this.#report(attempt, 'task.stop', { reason: body.reason }, sending);
  }

  async ask(agentId: string, body: Ask, sending: Sending): Promise<Answer> {
    const attempt = await this.#reported(agentId, body.lease, sending);
    return this.#report(attempt, 'task.ask', { question: body.question }, sending);
  }

  /** The attempt that a report is about, after everything that can be wrong with the report itself. */
  async #reported(agentId: string, lease: string, sending: Sending): Promise<AttemptRow> {
    await this.#ownAgent(agentId, sending.principal);
    const attempt = await this.#attempt(agentId, lease);
    await holdKey(this.#deps.sql, sending);
    return attempt;
  }

  async #tryClaim(agent: AgentRow, caller: ClaimCaller): Promise<Claim | null> {
    const reservation = await reserveReadyTask(this.#deps.sql, {
      agentId: agent.id,
      capabilities: agent.capabilities,
    });
    if (reservation === null) return null;
    try {
      const claim = await startAttempt(this.#deps, reservation, agent.id, caller);
      if (claim === null) await releaseReadyTask(this.#deps.sql, reservation, agent.id);
      return claim;
    } catch (error) {
      await releaseReadyTask(this.#deps.sql, reservation, agent.id);
      throw gitRefusal(error);
    }
  }

  async #record(attempt: AttemptRow, noChanges: string | null): Promise<string> {
    try {
      return await recordSubmission(this.#deps, attempt, noChanges);
    } catch (error) {
      throw gitRefusal(error);
    }
  }

  async #report(attempt: AttemptRow, type: string, payload: JsonObject, sending: Sending): Promise<Answer> {
    const eventId = sending.eventIdFor(attempt.task_id);
    const outcome = await this.#deps.runtime().post(attempt.task_id, {
      id: eventId,
      type,
      payload: { lease: attempt.lease_id, ...payload },
      sender: 'service',
      principal: principalName(sending.principal),
    });
    if (
      outcome.outcome === 'refused' &&
      outcome.code === 'not_enabled' &&
      !(await this.#isLive(attempt.lease_id))
    ) {
      throw leaseOver();
    }
    return eventAnswer(outcome, { kind: 'task', id: attempt.task_id, eventId, type });
  }

  async #ownAgent(agentId: string, principal: Principal): Promise<AgentRow> {
    const { rows } = await this.#deps.sql.query<AgentRow>(`${AGENT} WHERE a.id = $1`, [agentId]);
    const agent = rows[0];
    if (agent === undefined) throw new Refusal('unknown_agent', `no agent has the id ${agentId}`);
    if (agent.token_id !== principal.tokenId) {
      throw new Refusal('foreign_agent', 'this agent was registered with another token');
    }
    return agent;
  }

  async #attempt(agentId: string, leaseId: string): Promise<AttemptRow> {
    const { rows } = await this.#deps.sql.query<AttemptRow>(
      'SELECT lease_id, task_id, number, agent_id, branch, start FROM attempt WHERE lease_id = $1 AND agent_id = $2',
      [leaseId, agentId],
    );
    const attempt = rows[0];
    if (attempt === undefined) throw new Refusal('foreign_lease', 'this lease is not one of this agent');
    return attempt;
  }

  async #heldClaim(agentId: string, caller: ClaimCaller): Promise<Claim | null> {
    const held = await this.#heldAttempt(agentId);
    return held === null ? null : describeClaim(this.#deps, held, caller);
  }

  async #heldAttempt(agentId: string): Promise<AttemptRow | null> {
    const { rows } = await this.#deps.sql.query<AttemptRow>(
      `SELECT a.lease_id, a.task_id, a.number, a.agent_id, a.branch, a.start
         FROM lease l JOIN attempt a ON a.lease_id = l.lease_id
        WHERE l.agent_id = $1 AND l.expires_at > db_now() ORDER BY a.created_at LIMIT 1`,
      [agentId],
    );
    return rows[0] ?? null;
  }

  async #isLive(leaseId: string): Promise<boolean> {
    const { rows } = await this.#deps.sql.query('SELECT 1 FROM lease WHERE lease_id = $1', [leaseId]);
    return rows.length > 0;
  }

  async #seen(agentId: string): Promise<void> {
    await this.#deps.sql.query(
      `UPDATE agent SET last_seen_at = db_now()
        WHERE id = $1 AND (last_seen_at IS NULL OR last_seen_at < db_now() - interval '10 seconds')`,
      [agentId],
    );
  }

  /** What a person answered to the last question asked under this lease. */
  async #lastAnswer(attempt: AttemptRow): Promise<string | null> {
    const { rows } = await this.#deps.sql.query<{ answer: string | null }>(
      `SELECT j.event ->> 'answer' AS answer FROM journal j
        WHERE j.actor_id = $1 AND j.type = 'task.answer' AND j.outcome = 'accepted'
          AND j.seq > (SELECT max(c.seq) FROM journal c WHERE c.actor_id = $1 AND c.type = 'task.claim')
        ORDER BY j.seq DESC LIMIT 1`,
      [attempt.task_id],
    );
    return rows[0]?.answer ?? null;
  }

  /** Waits until something happened, the time is up, or the caller is gone. */
  async #news(waitMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      signal.addEventListener('abort', done);
      const unsubscribe = this.#deps.feed().subscribe(done);
    });
  }
}

function agentView(row: AgentRow): AgentView {
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

function leaseOver(): Refusal {
  return new Refusal(
    'lease_over',
    'the lease has ended and the task is out of your hands; what you pushed is kept, claim again',
  );
}

function missing(): never {
  throw new Error('the agent that was just written could not be read');
}
