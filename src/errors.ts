/**
 * Every refusal the service can give, with the one line that the reference shows. The code is stable: clients branch on it, never
 * on the message. `docs/errors.md` has a paragraph for each, `src/http/problem.ts` a status; tests compare the three.
 */
export const REFUSALS = {
  // the request itself
  invalid_request: 'A field of the request is missing, of the wrong shape or out of bounds.',
  invalid_json: 'The body is not valid JSON.',
  invalid_yaml: 'The body is not valid YAML, or uses more of YAML than a plan needs.',
  invalid_encoding: 'The body is not valid UTF-8.',
  body_too_large: 'The body is over the limit.',
  unsupported_media_type: 'The body has a content type that this route does not take.',
  not_acceptable: 'The route can not answer in the wanted form.',
  route_not_found: 'No such route.',
  method_not_allowed: 'The route exists, but not for this method.',
  host_not_allowed: 'The Host header names a host this service does not answer for.',
  origin_not_allowed: 'A web page of another origin made this request.',
  token_in_query: 'A token came in the address, where logs and histories keep it.',
  // who asks
  unauthenticated: 'No valid token came with the request.',
  forbidden: 'The scope of the token does not reach this.',
  foreign_agent: 'The agent belongs to another token.',
  foreign_lease: 'The lease is not one of this agent, or not of this task.',
  lease_over: 'The lease has ended; another attempt may be under way.',
  last_admin_token: 'The last admin token can not be deleted.',
  // repeated and conditional requests
  key_reused: 'The Idempotency-Key was used before with another request.',
  invalid_idempotency_key: 'The Idempotency-Key is empty, too long or not plain ASCII.',
  stale_version: 'The thing has changed since the version named in If-Match.',
  // what is asked for
  unknown_project: 'No project has this key.',
  unknown_initiative: 'No initiative has this id.',
  unknown_phase: 'No phase has this id.',
  unknown_task: 'No task has this id.',
  unknown_agent: 'No agent has this id.',
  unknown_comment: 'No comment has this id.',
  unknown_file: 'There is no such file in what the review serves.',
  unknown_line: 'The file has no such line.',
  unknown_token: 'No token has this id.',
  unknown_machine: 'No machine has this name.',
  unknown_event: 'The machine has no event of this type.',
  invalid_cursor: 'The cursor or Last-Event-ID was not given out by this service.',
  upgrade_required: 'The route speaks WebSocket only.',
  invalid_ticket: 'The inspect ticket is unknown, used or over.',
  // plans and projects
  invalid_plan: 'The plan has faults; all of them are in the details.',
  invalid_key: 'The key is not made of lower-case letters, digits and dashes.',
  key_taken: 'Something else has this key already.',
  unknown_dependency: 'There is nothing beside it with this key to depend on.',
  too_many_dependents: 'As many things depend on it as may depend on one.',
  too_many_dependencies: 'One would depend on more things than it may.',
  invalid_order: 'The phases can not be put in this order.',
  work_begun: 'Work on the task has begun: it is not split.',
  split_under_way: 'A task beside it is being split.',
  merge_under_way: 'A phase resolves the conflict that the last sync or delivery met.',
  dependency_cycle: 'The change would make things depend on each other in a circle.',
  // repositories
  git_failed: 'Git refused the operation; the message has its words.',
  invalid_branch_name: 'This is not a branch name that can be used.',
  invalid_remote_url: 'This is not an address of a repository.',
  remote_scheme_not_allowed: 'Remotes over this scheme are not allowed.',
  remote_url_has_credentials: 'The address has a user name or password in it.',
  remote_needs_password: 'The remote asks for a password, and no credential helper gives one.',
  remote_owned_by_another: 'The repository at this path belongs to another user than the service runs as.',
  remote_not_a_repository: 'There is no git repository at this address.',
  remote_unreachable: 'The remote can not be reached at the moment.',
  clone_too_slow: 'The first clone of the repository took too long.',
  remote_refused: 'The remote refused what was asked of it.',
  remote_branch_checked_out: 'The target branch is checked out at the remote, and git refuses a push to it.',
  repository_has_no_commits: 'The repository has no commits yet.',
  repository_is_shallow: 'The repository is a shallow clone, which has only a part of its history.',
  default_branch_missing: 'The repository has no branch of this name.',
  default_branch_reserved: 'The default branch has a name that is kept for our own branches.',
  repository_uses_lfs: 'Repositories with Git LFS are not supported.',
  repository_uses_submodules: 'Repositories with submodules are not supported.',
  // what agents and reviewers say
  no_commits: 'Nothing was pushed, and the submit does not say why there is nothing.',
  tip_moved: 'The branch of the phase has moved on: merge it again, push, and submit again.',
  late_work_left_out: 'What the attempt pushed after its lease had ended is not in what is handed in.',
  conflict_not_resolved: 'The push does not contain the commits whose conflict it should resolve.',
  comments_unanswered: 'Comments of the reviewer have no answer.',
  no_rounds_left: 'The review has had as many rounds as the plan allows.',
  too_many_comments: 'The unit has as many comments as it may have.',
  conflict_markers_left: 'There are conflict markers in what was pushed.',
  conflict_side_dropped: 'The change of one side of the conflict is gone, and nobody said why.',
  no_open_review: 'The unit has no review open.',
  no_earlier_review: 'There is no earlier review of the unit to compare with.',
  heads_moved: 'The heads have changes that the review did not serve.',
  heads_not_served: 'These are not the heads that the open review served.',
  dependents_unstated: 'Others depend on it: say release, cancel or keep.',
  // what the state says
  invalid_payload: 'The payload does not fit the schema of the event.',
  sender_not_allowed: 'Only others may send this event.',
  not_enabled: 'The state does not take this event now.',
  event_rejected: 'The machine could not work through the event; nothing changed.',
  quarantined:
    'The actor is set aside until an operator replays it (POST .../replay); a snapshot that this release can not read first needs a release that can.',
  not_quarantined: 'The actor is not set aside.',
  not_active: 'The actor is over and takes no events.',
  constraint: 'The database refused what this event would have written.',
  // the service
  too_many_streams: 'As many streams are open, or claims waiting, as this service allows.',
  unavailable: 'The service can not answer at the moment; try again.',
  internal_error: 'Something unexpected went wrong; the log has it under the request id.',
} as const satisfies Readonly<Record<string, string>>;

export type RefusalCode = keyof typeof REFUSALS;

/** An expected refusal: what happened and what to do, under a stable code. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: RefusalCode,
    message: string,
    options: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Refusal';
    this.code = code;
    this.details = options.details;
  }
}
