import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JournalFeed } from '../actors/journal-types.ts';
import type { ActorView } from '../actors/view.ts';
import type { HubGrant } from '../git/hub-types.ts';
import type { EventCatalog } from '../machines/event-catalog.ts';
import type {
  EventAnswer,
  InitiativeTree,
  InitiativeView,
  Kind,
  Replayed,
  PhaseView,
  TaskView,
} from './shapes/actor.ts';
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
import type {
  CommentState,
  CommentThread,
  NewComment,
  NewReply,
  PlacedThread,
  StateChange,
} from './shapes/comment.ts';
import type { Explanation } from './shapes/explanation.ts';
import type { JournalPage } from './shapes/journal.ts';
import type { LandingView } from './shapes/landing.ts';
import type { PlanApplied, PlanDocument, PlanReport } from './shapes/plan.ts';
import type { NewProject, ProjectView } from './shapes/project.ts';
import type { ReviewView } from './shapes/review.ts';
import type {
  ReviewDiffPage,
  ReviewDiffQuery,
  ReviewFilesPage,
  ReviewFilesQuery,
} from './shapes/review-files.ts';
import type { Principal } from './shapes/token.ts';

/** What makes a repeated POST the same POST: the caller's key, the route it was sent to and a hash of its body. */
export interface RequestKey {
  readonly key: string;
  readonly route: string;
  readonly bodyHash: string;
}

/** Who asks, and the Idempotency-Key of the request, where one came. */
export interface Caller {
  readonly principal: Principal;
  readonly request: RequestKey | null;
}

/** `repeated` is true when the answer is the stored one of an earlier request with the same key. */
export interface Answered<T> {
  readonly answer: T;
  readonly repeated: boolean;
}

export interface ProjectService {
  /** Probes the remote, makes the hub and the row. */
  add(project: NewProject, caller: Caller): Promise<Answered<ProjectView>>;
  list(): Promise<ProjectView[]>;
  /** Refuses with `unknown_project`. */
  get(key: string): Promise<ProjectView>;
}

export interface PlanService {
  /** All faults at once; never throws for a bad plan. */
  validate(plan: PlanDocument): Promise<PlanReport>;
  /** Refuses with `invalid_plan` and all faults in its details. */
  apply(plan: PlanDocument, caller: Caller): Promise<Answered<PlanApplied>>;
}

/** An event on its way to one actor. The id is the idempotency: the same id is applied once. */
export interface PostedTransition {
  readonly eventId: string;
  readonly type: string;
  readonly payload: Record<string, unknown>;
  /** The version the caller saw; another one is refused with `stale_version`. */
  readonly ifVersion: number | null;
  /** What the Idempotency-Key was sent with; null without one. */
  readonly request: RequestKey | null;
}

export interface TransitionService {
  /** The events of each machine: what the door documents and checks senders with. */
  readonly events: Readonly<Record<Kind, EventCatalog>>;
  /**
   * Refuses with the runtime's code, the details carrying version, state, tags and next. A `rejected` event is refused with
   * `event_rejected`; a duplicate whose first event was another one (type or payload) with `key_reused`.
   */
  send(
    kind: Kind,
    id: string,
    event: PostedTransition,
    principal: Principal,
  ): Promise<Omit<EventAnswer, 'idempotent'>>;
  /** Lifts a quarantine and applies again what caused it. Refuses with `not_quarantined`. */
  replay(kind: Kind, id: string): Promise<Replayed>;
}

/** Reads. `next` in what they answer is cut to what the principal may send. */
export interface ReadService {
  initiatives(principal: Principal): Promise<InitiativeView[]>;
  initiative(id: string, principal: Principal): Promise<InitiativeTree>;
  phase(id: string, principal: Principal): Promise<PhaseView>;
  task(id: string, principal: Principal): Promise<TaskView>;
  /** Entries with seq > after, oldest first; `next` is the seq to go on after. */
  journal(kind: Kind, id: string, page: { after: number; limit: number }): Promise<JournalPage>;
  /** What was landed in an initiative, and which processes did it. */
  landings(initiativeId: string): Promise<LandingView[]>;
}

/** What is served of a review that is open. Refuses with `no_open_review` where none is. */
export interface ReviewService {
  review(kind: Kind, id: string): Promise<ReviewView>;
  /** Also refuses with `unknown_project`, `no_earlier_review` and `invalid_cursor`. */
  files(kind: Kind, id: string, query: ReviewFilesQuery, principal: Principal): Promise<ReviewFilesPage>;
  /** The same, and with `unknown_file`. */
  diff(kind: Kind, id: string, query: ReviewDiffQuery, principal: Principal): Promise<ReviewDiffPage>;
}

/** Comments of reviewers on lines of what a review serves. */
export interface CommentService {
  /** With their places in what is served now, if a review is open. */
  list(kind: Kind, id: string, state: CommentState | undefined): Promise<PlacedThread[]>;
  /**
   * `ifVersion` is the version at which the review was read. Refuses with `stale_version` when its unit is at another one by now,
   * with `no_open_review`, `unknown_project`, `unknown_file`, `unknown_line` and `too_many_comments`.
   */
  add(
    kind: Kind,
    id: string,
    comment: NewComment,
    caller: Caller,
    ifVersion: number | null,
  ): Promise<Answered<CommentThread>>;
  /** Both refuse with `unknown_comment`. */
  reply(id: string, reply: NewReply, caller: Caller): Promise<Answered<CommentThread>>;
  setState(id: string, change: StateChange, caller: Caller): Promise<Answered<CommentThread>>;
}

export interface ExplainService {
  explain(kind: Kind, id: string): Promise<Explanation>;
}

/** A claim is made with the caller's own secret, so that a repeated claim can answer the credential again. */
export interface ClaimCaller extends Caller {
  /** HMAC-SHA256(bearer token, lease id): the git password of that lease. The database has only its SHA-256. */
  readonly leaseSecret: (leaseId: string) => string;
  /** Aborted when the client is gone or the server closes; a waiting claim then answers null. */
  readonly signal: AbortSignal;
  /** Where agents reach the hub, e.g. `http://127.0.0.1:4400/git`. */
  readonly hubUrl: string;
}

/** Every method refuses an agent of another token with `foreign_agent` and a lease that is not the agent's with `foreign_lease`. */
export interface AgentService {
  register(agent: NewAgent, caller: Caller): Promise<Answered<AgentView>>;
  /** An agent's token sees its own agents only. */
  list(principal: Principal): Promise<AgentView[]>;
  /**
   * Null when nothing became claimable in time. A lease the agent already holds is answered again. A repeated key gets the claim it
   * has led to, or `lease_over` once that is over.
   */
  claim(agentId: string, request: ClaimRequest, caller: ClaimCaller): Promise<Claim | null>;
  heartbeat(agentId: string, body: Heartbeat, principal: Principal): Promise<LeaseAnswer>;
  progress(agentId: string, body: Progress, principal: Principal): Promise<LeaseAnswer>;
  submit(agentId: string, body: Submit, sending: Sending): Promise<Omit<EventAnswer, 'idempotent'>>;
  fail(agentId: string, body: Fail, sending: Sending): Promise<Omit<EventAnswer, 'idempotent'>>;
  stop(agentId: string, body: Stop, sending: Sending): Promise<Omit<EventAnswer, 'idempotent'>>;
  ask(agentId: string, body: Ask, sending: Sending): Promise<Omit<EventAnswer, 'idempotent'>>;
}

/** Who sends an agent's report; the event id for the task is made with `eventIdFor(taskId)`. */
export interface Sending {
  readonly principal: Principal;
  /** uuidv5 of actor, principal and Idempotency-Key; a new random id without a key. */
  readonly eventIdFor: (actorId: string) => string;
  /** Null without an Idempotency-Key. */
  readonly request: RequestKey | null;
}

export interface HubAccess {
  /** Null when user and password open nothing. Refuses with `unknown_project`. */
  grantFor(
    projectKey: string,
    username: string,
    password: string,
    access: 'fetch' | 'push',
  ): Promise<HubGrant | null>;
}

/** The git side of the hub: speaks smart HTTP on the raw request, whose path is already `/<project key>.git/...`. */
export interface HubServer {
  serve(req: IncomingMessage, res: ServerResponse, grant: HubGrant): Promise<void>;
}

/** A look at actors; the runtime fits as it is. */
export interface ActorSource {
  peekMany(actorIds: readonly string[]): Promise<ActorView[]>;
  listByRoot(rootId: string): Promise<ActorView[]>;
}

export type { ActorView, EventCatalog, HubGrant, JournalFeed };

/** Whether the service can do its work, and what keeps it from it. */
export interface Readiness {
  readonly ready: boolean;
  /** `detail` is for everybody who can reach the port; `cause`, what a database or remote said, for tokens that may look. */
  readonly checks: readonly { name: string; ready: boolean; detail: string; cause?: string }[];
  readonly live: number;
  readonly toUpgrade: number;
  readonly quarantined: number;
}
