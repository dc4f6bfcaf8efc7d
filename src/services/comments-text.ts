import type { CommentThread } from './shapes/comment.ts';

/** Far below what a process may have in one variable of its environment, where agents hand on what a claim says. */
const MAX_BYTES = 50_000;

const REPLIED: Readonly<Record<CommentThread['replies'][number]['kind'], string>> = {
  reply: 'Reply',
  fixed: 'Said to be fixed',
  pushed_back: 'Pushed back',
  opened: 'Opened again',
  addressed: 'Taken as addressed',
  dismissed: 'Dismissed',
};

/**
 * Comments as plain text for people and coding agents, grouped by project and file in the order they have; '' without any. Lines of
 * others are indented and have no control characters, so that none of them passes for a heading. When it gets too long, comments come
 * without their excerpts and replies, then only their number is told.
 */
export function commentsText(comments: readonly CommentThread[]): string {
  if (comments.length === 0) return '';
  const lines = ['Comments of the reviewer'];
  let room = MAX_BYTES;
  let left = 0;
  let [project, file] = ['', ''];
  for (const comment of comments) {
    const heading = [
      ...(comment.project === project ? [] : ['', `Project ${comment.project}`]),
      ...(comment.project === project && comment.file === file ? [] : ['', `File ${inLine(comment.file)}`]),
    ];
    const short = [...heading, '', placeOf(comment), ...indented(2, comment.text)];
    const whole = [
      ...heading,
      '',
      placeOf(comment),
      ...excerptOf(comment),
      ...indented(2, comment.text),
      ...comment.replies.flatMap(({ kind, text }) =>
        indented(2, text === '' ? `${REPLIED[kind]}.` : `${REPLIED[kind]}: ${text}`),
      ),
    ];
    const written = [whole, short].find((entry) => bytesOf(entry) <= room);
    if (written === undefined) {
      left += 1;
      continue;
    }
    lines.push(...written);
    room -= bytesOf(written);
    [project, file] = [comment.project, comment.file];
  }
  if (left > 0) lines.push('', `${left} more: too long for this text, they are in the list of comments.`);
  return lines.join('\n');
}

/** The id is what an answer names it by. */
function placeOf({ id, side, startLine, line, state }: CommentThread): string {
  const lines =
    line === 0 ? 'whole file' : startLine === line ? `line ${line}` : `lines ${startLine} to ${line}`;
  const before = side === 'old' ? ', before the change' : '';
  return `- ${lines}${before}${state === 'open' ? '' : `, ${state} since`} (comment ${id})`;
}

/** The lines around, those that it is about with a mark. */
function excerptOf({ excerpt, startLine, line }: CommentThread): string[] {
  const width = String(excerpt.at(-1)?.line ?? 0).length;
  const shown = excerpt.map((at) =>
    `    ${at.line >= startLine && at.line <= line ? '>' : ' '} ${String(at.line).padStart(width)} | ${inLine(at.text)}`.trimEnd(),
  );
  return (excerpt.at(-1)?.line ?? line) < line ? [...shown, '    ...'] : shown;
}

function indented(columns: number, text: string): string[] {
  return text
    .split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/)
    .map((line) => `${' '.repeat(columns)}${inLine(line)}`.trimEnd());
}

/** Whatever would end a line, or is obeyed by a terminal, becomes a blank. */
function inLine(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}

function bytesOf(lines: readonly string[]): number {
  return Buffer.byteLength(lines.join('\n')) + 1;
}
