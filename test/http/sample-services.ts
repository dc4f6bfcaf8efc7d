import { sampleComment } from '../support/comment.ts';
import { randomUUID } from 'node:crypto';
import { Refusal } from '../../src/errors.ts';
import type {
  AgentService,
  CommentService,
  ExplainService,
  HubAccess,
  HubServer,
  PlanService,
  PostedTransition,
  ProjectService,
  ReadService,
  ReviewService,
  TransitionService,
} from '../../src/services/contracts.ts';
import { doorEvents } from '../../src/services/door-events.ts';
import type { InitiativeTree, Kind, PhaseView, TaskView } from '../../src/services/shapes/actor.ts';
import type { Claim } from '../../src/services/shapes/agent.ts';
import type { ProjectView } from '../../src/services/shapes/project.ts';
import type { ChangedFileView, ReviewDiffPage } from '../../src/services/shapes/review-files.ts';
import type { Principal } from '../../src/services/shapes/token.ts';

/**
 * The ports of the routes with fixed answers: what these tests are about is the route, its schemas and its refusals. Tokens,
 * requests, tickets and the feed are the real ones.
 */
export const INITIATIVE = '11111111-1111-4111-8111-111111111111';
export const PHASE = '22222222-2222-4222-8222-222222222222';
export const TASK = '33333333-3333-4333-8333-333333333333';
export const AGENT = '44444444-4444-4444-8444-444444444444';
export const LEASE = '55555555-5555-4555-8555-555555555555';
export const SHA = 'a'.repeat(40);

const actor = {
  state: 'queued',
  tags: ['waiting', 'claimable'],
  version: 7,
  next: ['task.cancel'],
  since: '2026-11-22T10:00:00.000Z',
  quarantined: null,
};

export const task: TaskView = {
  ...actor,
  id: TASK,
  kind: 'task',
  key: 'first',
  title: 'The first',
  ordinal: 1,
  phaseId: PHASE,
  initiativeId: INITIATIVE,
  description: '',
  splitInto: [],
  category: 'execute',
  priority: 50,
  dependsOn: [],
  projects: ['api'],
  branch: null,
  attempt: 0,
  question: null,
  heads: null,
  failure: null,
};

export const phase: PhaseView = {
  ...actor,
  id: PHASE,
  kind: 'phase',
  key: 'build',
  title: 'Build it',
  ordinal: 1,
  initiativeId: INITIATIVE,
  description: '',
  dependsOn: [],
  branch: 'signalbox/goal/phase/build',
  round: 1,
  failure: null,
  tasks: [task],
};

export const tree: InitiativeTree = {
  ...actor,
  id: INITIATIVE,
  kind: 'initiative',
  key: 'goal',
  title: 'The goal',
  description: '',
  mode: 'yolo',
  branch: 'signalbox/goal/initiative',
  projects: [{ key: 'api', strategy: 'push_branch', delivery: null }],
  failure: null,
  order: ['build'],
  phases: [phase],
};

export const claim: Claim = {
  task: {
    id: TASK,
    key: 'first',
    title: 'The first',
    description: 'one\ntwo \\ three',
    category: 'merge',
    initiative: 'goal',
    phase: 'build',
    attempt: 2,
  },
  lease: { id: LEASE, seconds: 300, heartbeatSeconds: 60 },
  git: { username: LEASE, password: 'replaced by the lease secret' },
  branch: 'signalbox/goal/attempt/build/first/2',
  projects: [
    {
      key: 'api',
      url: 'http://127.0.0.1/git/api.git',
      base: SHA,
      startRef: 'refs/heads/start',
      merge: 'b'.repeat(40),
    },
    { key: 'web', url: 'http://127.0.0.1/git/web.git', base: SHA, startRef: 'refs/heads/start', merge: null },
  ],
  comments: [sampleComment({ project: 'api', file: 'src/a.ts', line: 12, text: 'not so' })],
  conflict: null,
  late: [],
  limits: { attempt: 2, maxAttempts: 5 },
  next: ['task.submit'],
};

/** Of a report that hands nothing in. */
const NOTHING_SAID = {
  summary: '',
  noChanges: null,
  leftOut: [],
  oneSided: null,
  answers: [],
  fixedAll: null,
};
const served = { round: 1, digest: 'd'.repeat(64), since: null };
const compared = { from: SHA, to: 'b'.repeat(40), includesBase: false };
const changedFile: ChangedFileView = {
  project: 'api',
  path: 'src/a.ts',
  oldPath: null,
  status: 'added',
  oldMode: null,
  newMode: '100644',
  oldBlob: null,
  newBlob: SHA,
  additions: 1,
  deletions: 0,
  binary: false,
  submodule: false,
  tasks: [{ id: TASK, key: 'first', title: 'The first' }],
};

export interface Sent {
  readonly kind: Kind;
  readonly id: string;
  readonly event: PostedTransition;
  readonly principal: Principal;
}

function requireKnown(kind: Kind, id: string): void {
  const known: Record<Kind, string> = { initiative: INITIATIVE, phase: PHASE, task: TASK };
  if (known[kind] !== id) throw new Refusal(`unknown_${kind}`, `no ${kind} has the id ${id}`);
}

export function sampleServices() {
  const sent: Sent[] = [];
  const projectRows: ProjectView[] = [];

  const projects: ProjectService = {
    add: async ({ key, remote, defaultBranch }) => {
      const answer: ProjectView = {
        id: randomUUID(),
        key,
        remote,
        defaultBranch: defaultBranch ?? 'main',
        strategies: [],
        createdAt: '2026-11-22T10:00:00.000Z',
      };
      projectRows.push(answer);
      return { answer, repeated: false };
    },
    list: async () => projectRows,
    get: async (key) => {
      const found = projectRows.find((project) => project.key === key);
      if (found === undefined) throw new Refusal('unknown_project', `no project has the key ${key}`);
      return found;
    },
  };

  const plansSeen: unknown[] = [];
  const plans: PlanService = {
    validate: async (plan) => {
      plansSeen.push(plan);
      return { valid: true, faults: [], total: 0, counts: { projects: 0, phases: 0, tasks: 0 } };
    },
    apply: async (plan) => {
      plansSeen.push(plan);
      return { answer: { initiative: { id: INITIATIVE, key: 'goal' }, phases: [] }, repeated: false };
    },
  };

  const transitions: TransitionService = {
    events: doorEvents,
    send: async (kind, id, event, principal) => {
      requireKnown(kind, id);
      sent.push({ kind, id, event, principal });
      const { state, tags, next } = actor;
      return { outcome: 'accepted', id, kind, eventId: event.eventId, version: 8, state, tags, next };
    },
    replay: async (kind, id) => {
      requireKnown(kind, id);
      const { state, tags } = actor;
      return { outcome: 'accepted', id, kind, version: 9, state, tags, quarantined: null };
    },
  };

  const thread = sampleComment({ project: 'api', file: 'src/a.ts', line: 12, text: 'not so' });
  const requireComment = (id: string) => {
    if (id !== thread.id) throw new Refusal('unknown_comment', 'there is no comment with this id');
  };
  const comments: CommentService = {
    list: async (kind, id) => (requireKnown(kind, id), [{ ...thread, place: null }]),
    add: async (kind, id) => (requireKnown(kind, id), { answer: thread, repeated: false }),
    reply: async (id) => (requireComment(id), { answer: thread, repeated: false }),
    setState: async (id) => (requireComment(id), { answer: thread, repeated: false }),
  };

  const reviews: ReviewService = {
    review: async (kind, id) => {
      requireKnown(kind, id);
      return {
        id,
        kind,
        version: 7,
        round: 1,
        digest: 'd'.repeat(64),
        heads: { api: SHA, web: null },
        base: { api: SHA, web: SHA },
        rounds: [],
      };
    },
    files: async (kind, id) => {
      requireKnown(kind, id);
      const totals = [{ project: 'api', ...compared, files: 1, additions: 1, deletions: 0 }];
      return { id, kind, ...served, projects: totals, files: [changedFile], next: null };
    },
    diff: async (kind, id) => {
      requireKnown(kind, id);
      const diff: ReviewDiffPage['diff'] = { kind: 'text', encoding: 'utf-8', totalLines: 0, hunks: [] };
      return { id, kind, ...served, ...compared, ...changedFile, diff, next: null };
    },
  };

  const reads: ReadService = {
    initiatives: async () => [tree],
    initiative: async (id) => (requireKnown('initiative', id), tree),
    phase: async (id) => (requireKnown('phase', id), phase),
    task: async (id) => (requireKnown('task', id), task),
    journal: async (kind, id) => (requireKnown(kind, id), { entries: [], next: 0 }),
    landings: async (id) => (requireKnown('initiative', id), []),
  };

  const explain: ExplainService = {
    explain: async (kind, id) => {
      requireKnown(kind, id);
      return {
        id,
        kind,
        key: 'first',
        state: 'queued',
        path: 'queued',
        tags: [],
        since: actor.since,
        sentence: 'It waits.',
        settled: false,
        needsYou: null,
        reasons: [],
        moves: [],
        suggestions: [],
      };
    },
  };

  const leaseAnswer = { lease: LEASE, seconds: 300, heartbeatSeconds: 60, questionAnswer: null };
  const reported: { eventId: string; body: unknown }[] = [];
  const report: AgentService['submit'] = async (agentId, body, { eventIdFor }) => {
    if (agentId !== AGENT) throw new Refusal('unknown_agent', `no agent has the id ${agentId}`);
    if (body.lease !== LEASE) throw new Refusal('foreign_lease', 'the lease is not one of this agent');
    const eventId = eventIdFor(TASK);
    reported.push({ eventId, body });
    return {
      outcome: 'accepted',
      id: TASK,
      kind: 'task',
      eventId,
      version: 9,
      state: 'merging',
      tags: [],
      next: [],
    };
  };
  const waits = { begun: 0, ended: 0 };
  const agents: AgentService = {
    register: async ({ name, capabilities }) => ({
      answer: { id: AGENT, name, capabilities, task: null, lastSeenAt: null, createdAt: actor.since },
      repeated: false,
    }),
    list: async () => [],
    claim: async (agentId, { waitSeconds }, { leaseSecret, signal }) => {
      if (agentId !== AGENT) throw new Refusal('foreign_agent', 'the agent belongs to another token');
      if (waitSeconds === 0) return { ...claim, git: { username: LEASE, password: leaseSecret(LEASE) } };
      waits.begun += 1;
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      waits.ended += 1;
      return null;
    },
    heartbeat: async () => leaseAnswer,
    progress: async () => leaseAnswer,
    submit: report,
    fail: (agentId, body, sending) => report(agentId, { ...body, ...NOTHING_SAID }, sending),
    stop: report,
    ask: (agentId, body, sending) => report(agentId, { ...body, ...NOTHING_SAID }, sending),
  };

  const hubAccess: HubAccess = {
    grantFor: async (projectKey, username, password) => {
      return projectKey === 'api' && username === LEASE && password === 'right'
        ? { projectId: randomUUID(), readRefs: [], push: null }
        : null;
    },
  };
  const hub: HubServer = {
    serve: async (req, res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk);
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      res.writeHead(200, { 'content-type': 'text/plain' }).end(`${req.method} ${req.url} ${bytes}`);
    },
  };

  return {
    projects,
    plans,
    transitions,
    reads,
    reviews,
    comments,
    explain,
    agents,
    hubAccess,
    hub,
    sent,
    reported,
    plansSeen,
    waits,
  };
}
