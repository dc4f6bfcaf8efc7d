import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { REFUSALS, type RefusalCode } from '../../src/errors.ts';
import { gitErrorCodes } from '../../src/git/git-error.ts';
import { type ApiDocument, codesOf, type Operation, operationsOf } from '../support/declared-codes.ts';
import { startServerUnderTest, type ServerUnderTest } from './server-under-test.ts';

const SERVICES = new URL('../../src/services/', import.meta.url);

/** What the runtime may refuse an event with; `unknown_actor` is said by the kind of the actor. */
const RUNTIME: readonly RefusalCode[] = [
  'unknown_event',
  'invalid_payload',
  'sender_not_allowed',
  'not_enabled',
  'stale_version',
  'quarantined',
  'not_active',
  'constraint',
];
/** What git says of a remote that is looked at, under codes that callers know. */
const REMOTE = gitErrorCodes.filter(
  (code): code is (typeof gitErrorCodes)[number] & RefusalCode =>
    code in REFUSALS && code !== 'remote_branch_checked_out',
);

interface Behind {
  /** Of src/services: every code that they throw is one of the route's. */
  readonly files: readonly string[];
  /** What they throw for other routes only. */
  readonly except?: readonly RefusalCode[];
  readonly also?: readonly RefusalCode[];
}

const KEY: readonly RefusalCode[] = ['key_reused', 'invalid_idempotency_key'];
const EVENT = [
  'transitions',
  'door',
  'event-answers',
  'plan-changes',
  'phase-order',
  'task-split',
  'split-tasks',
  'waiting-siblings',
  'approvals',
  'comment-pins',
  'comment-threads',
  'served-reviews',
  'requests',
];
const REPORT = ['agents', 'agent-store', 'event-answers', 'requests'];
const REPORTED: readonly RefusalCode[] = [
  ...KEY,
  ...RUNTIME.filter(
    // The service makes the event of what the route has checked.
    (code) => !['unknown_event', 'invalid_payload', 'sender_not_allowed', 'stale_version'].includes(code),
  ),
];
const HELD: Behind = { files: ['agents', 'agent-store'] };
const HANDED_IN: Behind = {
  files: [...REPORT, 'submissions', 'resolution-check', 'comment-requests'],
  also: [...REPORTED, 'git_failed'],
};
const TOLD: Behind = { files: REPORT, also: REPORTED };
const STORED = (unknown: RefusalCode): Behind => ({ files: [], also: [unknown] });

/** Only a new comment needs a review that is open, and as it was read. */
const ADDING: readonly RefusalCode[] = ['no_open_review', 'stale_version'];
const CHANGED = ['review-comparison', 'since-review', 'pinned-cursor'];
const LISTED = (unknown: RefusalCode): Behind => ({
  files: CHANGED,
  also: [unknown, 'no_open_review', 'git_failed'],
});
const SHOWN = (unknown: RefusalCode): Behind => ({
  files: [...CHANGED, 'review-diffs'],
  also: [unknown, 'no_open_review', 'git_failed'],
});

/** What stands behind each operation. A file that begins to throw another code makes the operations above it declare it. */
const BEHIND: Readonly<Record<string, Behind>> = {
  addProject: { files: ['projects', 'requests'], also: [...KEY, ...REMOTE] },
  getProject: STORED('unknown_project'),
  listProjects: { files: [] },
  applyPlan: { files: ['planning', 'plan-check', 'requests'], also: [...KEY, 'invalid_yaml'] },
  validatePlan: { files: [], also: ['invalid_yaml'] },
  registerAgent: { files: ['requests'], also: KEY },
  listAgents: { files: [] },
  claimTask: {
    files: ['claiming', 'agent-store', 'requests'],
    except: ['foreign_lease'],
    also: [...KEY, 'git_failed', 'not_acceptable', 'too_many_streams'],
  },
  renewLease: HELD,
  reportProgress: HELD,
  submitTask: HANDED_IN,
  stopTask: HANDED_IN,
  failTask: TOLD,
  askQuestion: TOLD,
  sendInitiativeEvent: {
    files: EVENT,
    except: [
      'not_quarantined',
      'dependency_cycle',
      'dependents_unstated',
      'work_begun',
      'split_under_way',
      'too_many_dependencies',
    ],
    also: [...KEY, ...RUNTIME, 'unknown_initiative', 'git_failed'],
  },
  sendPhaseEvent: {
    files: EVENT,
    except: [
      'not_quarantined',
      'remote_branch_checked_out',
      'invalid_order',
      'merge_under_way',
      'work_begun',
    ],
    also: [...KEY, ...RUNTIME, 'unknown_phase', 'git_failed'],
  },
  sendTaskEvent: {
    files: EVENT,
    except: [
      'not_quarantined',
      'remote_branch_checked_out',
      'heads_moved',
      'invalid_order',
      'merge_under_way',
    ],
    also: [...KEY, ...RUNTIME, 'unknown_task', 'git_failed'],
  },
  replayInitiative: { files: [], also: ['unknown_initiative', 'not_quarantined'] },
  replayPhase: { files: [], also: ['unknown_phase', 'not_quarantined'] },
  replayTask: { files: [], also: ['unknown_task', 'not_quarantined'] },
  addInitiativeComment: {
    files: ['comment-pins', 'comment-threads', 'served-reviews', 'requests', 'comments'],
    except: ['unknown_comment'],
    also: [...KEY, 'unknown_initiative', 'git_failed'],
  },
  addPhaseComment: {
    files: ['comment-pins', 'comment-threads', 'served-reviews', 'requests', 'comments'],
    except: ['unknown_comment'],
    also: [...KEY, 'unknown_phase', 'git_failed'],
  },
  addTaskComment: {
    files: ['comment-pins', 'comment-threads', 'served-reviews', 'requests', 'comments'],
    except: ['unknown_comment'],
    also: [...KEY, 'unknown_task', 'git_failed'],
  },
  replyToComment: { files: ['comments', 'requests'], except: ADDING, also: KEY },
  setCommentState: { files: ['comments', 'requests'], except: ADDING, also: KEY },
  listInitiativeReviewFiles: LISTED('unknown_initiative'),
  listPhaseReviewFiles: LISTED('unknown_phase'),
  listTaskReviewFiles: LISTED('unknown_task'),
  readInitiativeReviewDiff: SHOWN('unknown_initiative'),
  readPhaseReviewDiff: SHOWN('unknown_phase'),
  readTaskReviewDiff: SHOWN('unknown_task'),
  issueToken: { files: ['requests'], also: KEY },
  listTokens: { files: [] },
  revokeToken: { files: ['tokens'] },
};

/** Behind the reads, the feed, the inspector and the machines, each with one code of its own that a test of theirs shows. */
const ELSEWHERE = ['inspect-tickets', 'journal-feed', 'machine-catalog', 'plan-store'];

/** Whatever a route may answer that has nothing to do with what is behind it. */
const COMMON: readonly RefusalCode[] = [
  'invalid_request',
  'unauthenticated',
  'forbidden',
  'host_not_allowed',
  'origin_not_allowed',
  'token_in_query',
  'unavailable',
  'internal_error',
  'invalid_json',
  'invalid_encoding',
  'body_too_large',
  'unsupported_media_type',
];

let server: ServerUnderTest;
let operations: readonly Operation[];
const thrown = new Map<string, RefusalCode[]>();
beforeAll(async () => {
  server = await startServerUnderTest();
  const answer = await server.app.inject({ url: '/v1/openapi.json', headers: { host: 'localhost' } });
  operations = operationsOf(answer.json<ApiDocument>());
  for (const file of (await readdir(SERVICES)).filter((name) => name.endsWith('.ts'))) {
    const source = await readFile(new URL(file, SERVICES), 'utf8');
    const codes = [...source.matchAll(/\brefusal\(\s*'([a-z_]+)'/gi)].map(([, code]) => code as RefusalCode);
    if (codes.length > 0) thrown.set(file.replace(/\.ts$/, ''), codes);
  }
});
afterAll(async () => server.close());

const sorted = (codes: Iterable<string>) => [...new Set(codes)].toSorted();

test.each(Object.entries(BEHIND))('%s declares what is thrown behind it, and nothing else', (id, behind) => {
  const codes = behind.files.flatMap((file) => thrown.get(file) ?? []);
  for (const code of behind.except ?? [])
    expect(codes, `${code} is thrown by none of the files`).toContain(code);
  const expected = [
    ...codes.filter((code) => behind.except?.includes(code) !== true),
    ...(behind.also ?? []),
  ].filter((code) => !COMMON.includes(code));
  const operation = operations.find(({ operationId }) => operationId === id);
  const declared = codesOf(operation).filter((code) => !COMMON.some((common) => common === code));
  expect(sorted(declared)).toEqual(sorted(expected));
});

test('every service that refuses something is behind an operation', () => {
  const known = new Set([...ELSEWHERE, ...Object.values(BEHIND).flatMap(({ files }) => files)]);
  expect([...thrown.keys()].filter((file) => !known.has(file))).toEqual([]);
  expect(thrown.size).toBeGreaterThan(12);
});

test('the reference says which POSTs take an Idempotency-Key, and which answers say whether one came', () => {
  const posts = operations.filter(({ method }) => method === 'post');
  const takes = posts.filter(({ parameters = [] }) =>
    parameters.some(({ name }) => name === 'idempotency-key'),
  );
  const { description } = server.app.swagger().info;
  const named = [...(description ?? '').matchAll(/`(\/v1\/[^`]+)`/g)].map(([, address]) => address ?? '');
  expect(sorted(takes.map(({ url }) => url))).toEqual(sorted(named));
  for (const operation of posts) {
    expect(codesOf(operation).includes('key_reused'), operation.url).toBe(takes.includes(operation));
  }
  const says = posts.filter(({ responses }) =>
    JSON.stringify(responses['200'] ?? {}).includes('"idempotent"'),
  );
  expect(sorted(says.map(({ url }) => url))).toEqual(
    sorted(named.filter((address) => /(events|submit|fail|stop|ask)$/.test(address))),
  );
});
