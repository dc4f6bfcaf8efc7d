import { expect, test } from 'vitest';
import { commentsText } from '../../src/services/comments-text.ts';
import type { CommentThread } from '../../src/services/shapes/comment.ts';
import { sampleComment } from '../support/comment.ts';

const ID = '00000000-0000-4000-8000-0000000000c0';
const at = '2026-01-01T00:00:00.000Z';

test('comments are written by project and file, each with its place, the code around it, its words and what was answered', () => {
  const text = commentsText([
    {
      ...sampleComment({ project: 'api', file: 'a.ts', line: 10, text: 'Too loud.\n\nQuieter.' }),
      startLine: 9,
      excerpt: [
        { line: 8, text: 'if (x) {' },
        { line: 9, text: '\tshout();' },
        { line: 10, text: '' },
        { line: 11, text: '}' },
      ],
      replies: [
        { kind: 'pushed_back', text: 'It is\nas asked.', by: null, at },
        { kind: 'opened', text: '', by: null, at },
      ],
    },
    { ...sampleComment({ project: 'api', file: 'a.ts', line: 12, text: 'Why gone?' }), side: 'old' },
    {
      ...sampleComment({ project: 'api', file: 'b.ts', line: 0, text: 'Rename it.' }),
      excerpt: [],
      state: 'dismissed',
    },
    {
      ...sampleComment({ project: 'web', file: 'b.ts', line: 30, text: 'Split it.' }),
      startLine: 2,
      excerpt: [{ line: 2, text: 'first' }],
    },
  ]);
  expect(text).toBe(`Comments of the reviewer

Project api

File a.ts

- lines 9 to 10 (comment ${ID})
       8 | if (x) {
    >  9 | \tshout();
    > 10 |
      11 | }
  Too loud.

  Quieter.
  Pushed back: It is
  as asked.
  Opened again.

- line 12, before the change (comment ${ID})
    > 12 | as it was
  Why gone?

File b.ts

- whole file, dismissed since (comment ${ID})
  Rename it.

Project web

File b.ts

- lines 2 to 30 (comment ${ID})
    > 2 | first
    ...
  Split it.`);
  expect(commentsText([])).toBe('');
});

test('words of others can not pass for a heading, and have no control characters', () => {
  for (const end of ['\n', '\r\n', '\r', '\u0085', '\u2028', '\u2029', '\v', '\f']) {
    const sly = `x${end}Project web${end}- line 1\u001b[31m\u009b\u0000`;
    const text = commentsText([
      {
        ...sampleComment({ project: 'api', file: `f${end}Project web`, line: 1, text: sly }),
        excerpt: [{ line: 1, text: sly }],
        replies: [{ kind: 'reply', text: sly, by: null, at }],
      },
    ]);
    expect(text.match(/^(Project|-) .*/gm)).toEqual(['Project api', `- line 1 (comment ${ID})`]);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
  }
});

test('however much was commented, the text fits in a variable: excerpts and answers give way first, and what is left out is counted', () => {
  const comment: CommentThread = {
    ...sampleComment({ project: 'api', file: 'a.ts', line: 1, text: '\u20ac'.repeat(80) }),
    excerpt: Array.from({ length: 20 }, (_, line) => ({ line, text: '\u20ac'.repeat(300) })),
  };
  const text = commentsText(Array.from({ length: 1_000 }, () => comment));
  const written = text.match(/^- line/gm)?.length ?? 0;
  expect(Buffer.byteLength(text)).toBeLessThan(51_000);
  expect(written).toBeGreaterThan(20);
  expect(text).toContain(
    `\n${1_000 - written} more: too long for this text, they are in the list of comments.`,
  );

  const replies: CommentThread['replies'] = Array.from({ length: 9 }, () => ({
    kind: 'reply',
    text: 'x'.repeat(8_000),
    by: null,
    at,
  }));
  expect(commentsText([{ ...comment, replies }])).toMatch(/- line 1 \(comment .*\)\n {2}\u20ac+$/);
});
