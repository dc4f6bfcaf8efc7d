import { GitError } from './git-error.ts';
import type { Conflict, ConflictStage, MergeOutcome } from './merge-engine.ts';
import { pathName } from './path-name.ts';
import { isObjectId } from './ref-name.ts';

type Stages = Conflict['stages'];

interface Message {
  paths: string[];
  type: string;
  text: string;
}

/**
 * Reads `git merge-tree --write-tree -z --messages`: the tree, the staged entries of paths that could not be merged, an empty field,
 * then messages as count, paths, type, text. Format: git-merge-tree(1), "OUTPUT".
 */
export function parseMergeTree(stdout: Buffer, clean: boolean): MergeOutcome {
  const fields = fieldsOf(stdout);
  const tree = fields.next();
  if (!isObjectId(tree.toString('latin1'))) throw unreadable();
  if (clean) return { clean: true, tree: tree.toString('latin1') };
  const stages = readStages(fields);
  return {
    clean: false,
    conflicts: conflictsOf(stages, readMessages(fields)),
    tree: tree.toString('latin1'),
  };
}

interface Fields {
  next(): Buffer;
  atEnd(): boolean;
}

function fieldsOf(bytes: Buffer): Fields {
  let at = 0;
  return {
    atEnd: () => at >= bytes.length,
    next: () => {
      const end = bytes.indexOf(0, at);
      if (end === -1) throw unreadable();
      const field = bytes.subarray(at, end);
      at = end + 1;
      return field;
    },
  };
}

function readStages(fields: Fields): Map<string, Stages> {
  const staged = new Map<string, Stages>();
  while (!fields.atEnd()) {
    const entry = fields.next();
    if (entry.length === 0) break;
    const tab = entry.indexOf(9);
    const [mode = '', oid = '', stage = ''] = entry.subarray(0, tab).toString('latin1').split(' ');
    if (tab === -1 || !isObjectId(oid) || !isStage(stage)) throw unreadable();
    const path = pathName(entry.subarray(tab + 1));
    const found: ConflictStage = { mode, oid };
    staged.set(path, { ...staged.get(path), [stage]: found });
  }
  return staged;
}

function isStage(text: string): text is '1' | '2' | '3' {
  return text === '1' || text === '2' || text === '3';
}

function readMessages(fields: Fields): Message[] {
  const messages: Message[] = [];
  while (!fields.atEnd()) {
    const count = Number(fields.next().toString('latin1'));
    if (!Number.isSafeInteger(count) || count < 0) throw unreadable();
    const paths = Array.from({ length: count }, () => pathName(fields.next()));
    const type = fields.next().toString('utf8');
    messages.push({ paths, type, text: fields.next().toString('utf8').trim() });
  }
  return messages;
}

/** One entry per conflict message and path it leaves unmerged; a staged path that no message names is a conflict all the same. */
function conflictsOf(staged: Map<string, Stages>, messages: readonly Message[]): Conflict[] {
  const conflicts: Conflict[] = [];
  const named = new Set<string>();
  for (const message of messages) {
    if (!message.type.startsWith('CONFLICT')) continue;
    const unmerged = message.paths.filter((path) => staged.has(path));
    const paths = unmerged.length > 0 ? unmerged : message.paths.slice(0, 1);
    for (const path of paths) {
      named.add(path);
      conflicts.push({ path, type: message.type, message: message.text, stages: staged.get(path) ?? {} });
    }
  }
  for (const [path, stages] of staged) {
    if (!named.has(path))
      conflicts.push({ path, type: 'CONFLICT', message: `${path} could not be merged`, stages });
  }
  return conflicts;
}

function unreadable(): GitError {
  return new GitError(
    'git_failed',
    'git merge-tree answered in a form this version of Signalbox does not know',
  );
}
