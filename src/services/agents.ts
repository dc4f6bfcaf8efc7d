import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../actors/json.ts';
import {
  AGENT,
  type AgentRow,
  agentView,
  hasLease,
  isApplied,
  leaseOver,
  ownAgent,
  ownAttempt,
} from './agent-store.ts';
import { Claiming, type ClaimingDeps } from './claiming.ts';
import { type AttemptRow, heartbeatSeconds } from './claims.ts';
import { answersTo, requestOf } from './comment-requests.ts';
import type { AgentService, Answered, Caller, ClaimCaller, Sending } from './contracts.ts';
import { eventAnswer, type Answer } from './event-answers.ts';
import { gitRefusal } from './git-refusal.ts';
import { principalName } from './principal-name.ts';
import { regainLease } from './regain.ts';
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

/** The doors of agents: register, claim, report. */
export class Agents implements AgentService {
  readonly #deps: ClaimingDeps;
  readonly #claiming: Claiming;

  constructor(deps: ClaimingDeps) {
    this.#deps = deps;
    this.#claiming = new Claiming(deps);
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
    return this.#claiming.claim(agentId, request, caller);
  }

  /** A lease that is over stays over, unless it ran out, and nobody else has taken the task since: then the agent has it back. */
  async heartbeat(agentId: string, body: Heartbeat, principal: Principal): Promise<LeaseAnswer> {
    await ownAgent(this.#deps.sql, agentId, principal);
    const attempt = await ownAttempt(this.#deps.sql, agentId, body.lease);
    // Of two calls at once one has the lease back, and the other finds it alive afterwards.
    const seconds =
      (await this.#renew(body.lease)) ??
      (await regainLease(this.#deps, attempt, principalName(principal))) ??
      (await this.#renew(body.lease));
    if (seconds === null) throw leaseOver();
    await this.#seen(agentId);
    return {
      lease: body.lease,
      seconds,
      heartbeatSeconds: heartbeatSeconds(seconds),
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
    const live = await hasLease(this.#deps.sql, body.lease);
    // A report that came before gets its first answer, whatever has become of the lease and the branches since. A new one under a
    // lease that is over does not reach the task, which may not have heard of the end yet: a push since then was kept aside.
    const repeated =
      !live && (await isApplied(this.#deps.sql, attempt.task_id, sending.eventIdFor(attempt.task_id)));
    if (!live && !repeated) throw leaseOver();
    const submission = live ? await this.#record(attempt, body) : '0'.repeat(64);
    return this.#report(
      attempt,
      'task.submit',
      {
        submission,
        summary: body.summary,
        noChanges: body.noChanges,
        oneSided: body.oneSided,
        answers: live ? await this.#answers(attempt, body) : [],
      },
      sending,
    );
  }

  async fail(agentId: string, body: Fail, sending: Sending): Promise<Answer> {
    const attempt = await this.#reported(agentId, body.lease, sending);
    return this.#report(
      attempt,
      'task.fail',
      { code: body.code, message: body.message, retryAfterSeconds: body.retryAfterSeconds },
      sending,
    );
  }

  /** An agent that stops with success hands in what it has pushed; one that crashed or was stopped does not. */
  async stop(agentId: string, body: Stop, sending: Sending): Promise<Answer> {
    if (body.reason === 'success') {
      const { reason: _, ...submit } = body;
      return this.submit(agentId, submit, sending);
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
    await ownAgent(this.#deps.sql, agentId, sending.principal);
    const attempt = await ownAttempt(this.#deps.sql, agentId, lease);
    await holdKey(this.#deps.sql, sending);
    return attempt;
  }

  async #record(attempt: AttemptRow, body: Submit): Promise<string> {
    try {
      return await recordSubmission(this.#deps, attempt, body);
    } catch (error) {
      throw gitRefusal(error);
    }
  }

  async #answers(attempt: AttemptRow, body: Submit): Promise<JsonObject[]> {
    const task = await this.#deps.plan.task(attempt.task_id);
    const phase = await this.#deps.plan.phase(task.phaseId);
    const request = await requestOf(this.#deps.runtime(), task, phase);
    return (await answersTo(this.#deps.sql, request, body)).map((answer) => ({ ...answer }));
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
      !(await hasLease(this.#deps.sql, attempt.lease_id))
    ) {
      throw leaseOver();
    }
    return eventAnswer(outcome, { kind: 'task', id: attempt.task_id, eventId, type });
  }

  /** How long a lease that lives lasts from now on, in seconds; null where it is over. */
  async #renew(lease: string): Promise<number | null> {
    const { rows } = await this.#deps.sql.query<{ seconds: number }>(
      `UPDATE lease SET expires_at = db_now() + seconds * interval '1 second'
        WHERE lease_id = $1 AND NOT expired RETURNING seconds`,
      [lease],
      'lease-renew',
    );
    return rows[0]?.seconds ?? null;
  }

  async #seen(agentId: string): Promise<void> {
    await this.#deps.sql.query(
      `UPDATE agent SET last_seen_at = db_now()
        WHERE id = $1 AND (last_seen_at IS NULL OR last_seen_at < db_now() - interval '10 seconds')`,
      [agentId],
    );
  }

  /** What a person answered to the last question of this attempt; null while it is open. */
  async #lastAnswer(attempt: AttemptRow): Promise<string | null> {
    const { rows } = await this.#deps.sql.query<{ answer: string | null }>(
      `SELECT j.event ->> 'answer' AS answer FROM journal j
        WHERE j.actor_id = $1 AND j.type = 'task.answer' AND j.outcome = 'accepted'
          AND j.seq > (SELECT max(c.seq) FROM journal c
                        WHERE c.actor_id = $1 AND c.type IN ('task.claim', 'task.ask') AND c.outcome = 'accepted')
        ORDER BY j.seq DESC LIMIT 1`,
      [attempt.task_id],
    );
    return rows[0]?.answer ?? null;
  }
}

function missing(): never {
  throw new Error('the agent that was just written could not be read');
}
