import type { CommentThread } from '../../src/services/shapes/comment.ts';

/** A comment as a claim has it, for tests of how it is written and read. */
export function sampleComment(at: Pick<CommentThread, 'project' | 'file' | 'line' | 'text'>): CommentThread {
  return {
    id: '00000000-0000-4000-8000-0000000000c0',
    unit: { kind: 'phase', id: '00000000-0000-4000-8000-0000000000c1' },
    round: 1,
    state: 'open',
    requestedIn: 1,
    side: 'new',
    startLine: at.line,
    commit: 'a'.repeat(40),
    blob: 'b'.repeat(40),
    excerpt: [{ line: at.line, text: 'as it was' }],
    by: null,
    at: '2026-01-01T00:00:00.000Z',
    replies: [],
    ...at,
  };
}
