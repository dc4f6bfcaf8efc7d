import { type Refusal, type RefusalCode, REFUSALS } from '../errors.ts';

/**
 * The one place where refusals meet HTTP. Exhaustive: a new code does not compile until it has a status here.
 * 409 is the state saying no, 412 a stale If-Match, 422 a body that is well-formed and wrong,
 * 502 a remote or git that failed us, 504 one that took too long.
 */
export const STATUS = {
  invalid_request: 400,
  invalid_json: 400,
  invalid_yaml: 400,
  invalid_encoding: 400,
  body_too_large: 413,
  unsupported_media_type: 415,
  not_acceptable: 406,
  route_not_found: 404,
  method_not_allowed: 405,
  host_not_allowed: 421,
  origin_not_allowed: 403,
  token_in_query: 400,
  unauthenticated: 401,
  forbidden: 403,
  foreign_agent: 403,
  foreign_lease: 403,
  lease_over: 409,
  last_admin_token: 409,
  key_reused: 422,
  invalid_idempotency_key: 400,
  stale_version: 412,
  unknown_project: 404,
  unknown_initiative: 404,
  unknown_phase: 404,
  unknown_task: 404,
  unknown_file: 404,
  unknown_agent: 404,
  unknown_token: 404,
  unknown_comment: 404,
  unknown_line: 422,
  unknown_machine: 404,
  unknown_event: 422,
  invalid_cursor: 400,
  upgrade_required: 426,
  invalid_ticket: 403,
  invalid_plan: 422,
  invalid_key: 422,
  key_taken: 409,
  unknown_dependency: 422,
  too_many_dependents: 422,
  too_many_dependencies: 422,
  invalid_order: 422,
  work_begun: 409,
  split_under_way: 409,
  merge_under_way: 409,
  dependency_cycle: 422,
  git_failed: 502,
  invalid_branch_name: 422,
  invalid_remote_url: 422,
  remote_scheme_not_allowed: 422,
  remote_url_has_credentials: 422,
  remote_needs_password: 422,
  remote_owned_by_another: 422,
  remote_not_a_repository: 422,
  remote_unreachable: 502,
  clone_too_slow: 504,
  remote_refused: 502,
  remote_branch_checked_out: 409,
  repository_has_no_commits: 422,
  repository_is_shallow: 422,
  default_branch_missing: 422,
  default_branch_reserved: 422,
  repository_uses_lfs: 422,
  repository_uses_submodules: 422,
  no_commits: 422,
  tip_moved: 409,
  late_work_left_out: 409,
  conflict_not_resolved: 409,
  comments_unanswered: 409,
  no_rounds_left: 409,
  too_many_comments: 409,
  conflict_markers_left: 409,
  conflict_side_dropped: 409,
  heads_moved: 409,
  heads_not_served: 409,
  no_open_review: 409,
  no_earlier_review: 404,
  dependents_unstated: 422,
  invalid_payload: 422,
  sender_not_allowed: 403,
  not_enabled: 409,
  event_rejected: 409,
  quarantined: 409,
  not_quarantined: 409,
  not_active: 409,
  constraint: 409,
  too_many_streams: 503,
  unavailable: 503,
  internal_error: 500,
} as const satisfies Readonly<Record<RefusalCode, number>>;

/** RFC 9457, with the stable code, the request's id and what the refusal knows. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: RefusalCode;
  readonly detail: string;
  readonly requestId: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function toProblem(refusal: Refusal, requestId: string): Problem {
  return {
    type: `urn:signalbox:problem:${refusal.code}`,
    title: REFUSALS[refusal.code],
    status: STATUS[refusal.code],
    code: refusal.code,
    detail: refusal.message,
    requestId,
    ...(refusal.details === undefined ? {} : { details: refusal.details }),
  };
}
