import { createHash } from 'node:crypto';
import type { Claim } from '../../src/services/shapes/agent.ts';

/** A commit that an agent made, with the file that it adds. */
export interface MadeCommit {
  readonly project: string;
  readonly commit: string;
  readonly blob: string;
  readonly path: string;
}

/** A commit that was part of what a submit handed in; written down after its answer. */
export interface Accepted extends MadeCommit {
  readonly agent: string;
  readonly initiative: string;
  readonly taskId: string;
  /** `phase/task` */
  readonly task: string;
  readonly category: string;
}

/** What the driver knows of its own: asked of nobody else. */
export class Ledger {
  readonly accepted: Accepted[] = [];
  /** Commits whose push was answered well, by project. */
  readonly pushed: { readonly project: string; readonly commit: string }[] = [];
  /** Commits that somebody made on a branch of the hub, beside the service. */
  readonly beside: { readonly project: string; readonly ref: string; readonly commit: string }[] = [];
  /** Heads that a reviewer's approval was accepted for, by unit and project. */
  readonly approved: { readonly unitId: string; readonly heads: Readonly<Record<string, string | null>> }[] =
    [];
  /** Tasks that handed in, and said that there is nothing. */
  readonly withoutChanges = new Set<string>();

  /** To be called when a submit was answered well. */
  accept(agent: string, { claim: { task }, made }: { claim: Claim; made: readonly MadeCommit[] }): void {
    if (made.length === 0) this.withoutChanges.add(task.id);
    const own = {
      agent,
      initiative: task.initiative,
      taskId: task.id,
      task: `${task.phase}/${task.key}`,
      category: task.category,
    };
    this.accepted.push(...made.map((commit) => ({ ...commit, ...own })));
  }

  /** The lines of `scripts/prove.sh`, by agent. */
  linesOf(entries: readonly Accepted[]): Map<string, string[]> {
    const lines = new Map<string, string[]>();
    for (const { agent, task, category, project, commit, blob, path } of entries)
      lines.set(agent, [
        ...(lines.get(agent) ?? []),
        [task, category, project, commit, blob, path].join(' '),
      ]);
    return lines;
  }
}

/** The id that git gives to a content. */
export function blobId(content: string): string {
  return createHash('sha1')
    .update(`blob ${Buffer.byteLength(content)}\0${content}`)
    .digest('hex');
}
