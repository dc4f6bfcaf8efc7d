import type { RowWriter } from '../../actors/row-writer.ts';

/** What reviewers ask for, and what agents answer. */
export const reviewWriters: readonly RowWriter[] = [
  {
    name: 'comment.put',
    columns: {
      round: 'int',
      place: 'int',
      digest: 'text',
      project: 'text',
      side: 'text',
      file: 'text',
      startLine: 'int',
      line: 'int',
      commit: 'text',
      blob: 'text',
      excerpt: 'jsonb',
      text: 'text',
      author: 'text',
    },
    statement: (rows) => `
      INSERT INTO review_thread (unit_id, initiative_id, round, place, digest, project, side, file, start_line, line, commit_oid,
                                 blob_oid, excerpt, text, author, requested_round)
      SELECT actor_id, root_id, round, place, digest, project, side, file, "startLine", line, commit, blob, excerpt, text, author, round
        FROM ${rows}`,
  },
  {
    name: 'comments.request',
    key: () => 'request',
    columns: { round: 'int' },
    statement: (rows) => `
      UPDATE review_thread t SET requested_round = x.round FROM ${rows} x
       WHERE t.unit_id = x.actor_id AND t.state = 'open'`,
  },
  {
    name: 'answers.put',
    columns: { comment: 'uuid', outcome: 'text', text: 'text', lease: 'uuid' },
    statement: (rows) => `
      INSERT INTO review_reply (thread_id, lease_id, kind, text, author)
      SELECT x.comment, x.lease, x.outcome, x.text, 'agent:' || a.agent_id
        FROM ${rows} x LEFT JOIN attempt a ON a.lease_id = x.lease
      ON CONFLICT (thread_id, lease_id) WHERE lease_id IS NOT NULL
      DO UPDATE SET kind = excluded.kind, text = excluded.text, created_at = db_now()`,
  },
  {
    name: 'answers.count',
    columns: { comment: 'uuid', outcome: 'text', text: 'text', lease: 'uuid' },
    statement: (rows) => `
      UPDATE review_thread t SET state = CASE x.outcome WHEN 'fixed' THEN 'addressed' ELSE 'open' END FROM ${rows} x
       WHERE t.id = x.comment AND t.state <> 'dismissed'`,
  },
  {
    // Of a task: its answers to the reviewer of its phase. Of a phase: those of its completed tasks to the reviewer of the initiative.
    // What a person has said of the comment since they were handed in outranks them.
    name: 'answers.land',
    key: () => 'land',
    columns: {},
    statement: (rows) => `
      UPDATE review_thread t SET state = CASE r.kind WHEN 'fixed' THEN 'addressed' ELSE 'open' END
        FROM ${rows} x, task k, attempt a, review_reply r
       WHERE t.unit_id = x.parent_id AND t.state <> 'dismissed' AND r.thread_id = t.id AND a.lease_id = r.lease_id
         AND k.id = a.task_id
         AND (x.actor_id = k.id
              OR (x.actor_id = k.phase_id
                  AND EXISTS (SELECT FROM actor s WHERE s.id = k.id AND s.snapshot ->> 'value' = 'completed')))
         AND NOT EXISTS (SELECT FROM review_reply l
                          WHERE l.thread_id = t.id AND l.kind <> 'reply' AND l.created_at > r.created_at)`,
  },
];
