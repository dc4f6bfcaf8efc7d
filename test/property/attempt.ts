import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Random } from '../../src/demo/random.ts';
import type { Claim } from '../../src/services/shapes/agent.ts';
import { hubCredential } from '../support/hub-credential.ts';
import { Clone, type PushResult } from './clone.ts';
import { blobId, type MadeCommit } from './ledger.ts';
import { chance } from './plans.ts';

/** How an agent resolves a conflict. All but the first and the last have to be refused. */
export const MANNERS = [
  'rightly',
  'markers',
  'drops ours',
  'drops theirs',
  'no parent',
  'one side, and says so',
] as const;
export type Manner = (typeof MANNERS)[number];

/** The file that everybody edits. */
export const SHARED = 'shared.txt';

export function sharedContent(line: string): string {
  return `one\n${line}\nthree\n`;
}

interface Push {
  readonly project: string;
  readonly commit: string;
  readonly result: PushResult;
}

/** What an agent does under one lease: the commits that it has pushed, and what it made them from. */
export class Attempt {
  readonly claim: Claim;
  readonly #clones: (project: string) => Clone;
  readonly #hub: () => Promise<string>;
  /** What it has made and pushed to its branch, in order. */
  made: MadeCommit[] = [];
  asksFirst = true;
  oneSided: string | null = null;
  /** What it pushed between the end of its lease and its return; it does not go on from that. */
  leftOut: readonly string[] = [];
  #heads = new Map<string, string>();

  constructor(claim: Claim, clones: (project: string) => Clone, hub: () => Promise<string>) {
    this.claim = claim;
    this.#clones = clones;
    this.#hub = hub;
  }

  get hasPushed(): boolean {
    return this.#heads.size > 0;
  }

  /** Nothing that it pushed is of use: it begins anew, and rewrites its branch. */
  beginAgain(): void {
    this.made = [];
    this.#heads = new Map();
    this.oneSided = null;
  }

  /** Makes commits in some of the projects and pushes them; what is refused stays unmade. */
  async work(
    random: Random,
    { manner, edits, cutAfterMs }: { manner: Manner; edits: number; cutAfterMs: number | null },
  ): Promise<Push[]> {
    const pushes: Push[] = [];
    for (const project of this.claim.projects) {
      const clone = this.#clones(project.key);
      const url = new URL(new URL(project.url).pathname, await this.#hub()).href;
      const credential = hubCredential(this.claim);
      const own = this.#heads.get(project.key);
      let from = own ?? project.base;
      if (own === undefined) {
        const tips = await clone.fetch(url, credential);
        if (this.claim.task.category !== 'execute') from = tips[project.startRef] ?? from;
      }
      const made = await this.#commit(random, clone, project, {
        from,
        isFirst: own === undefined,
        manner,
        edits,
      });
      if (made === null) continue;
      const result = await clone.push(url, made.commit, this.claim.branch, credential, cutAfterMs);
      pushes.push({ project: project.key, commit: made.commit, result });
      if (result.is !== 'moved') continue;
      this.#heads.set(project.key, made.commit);
      this.made.push(made);
    }
    return pushes;
  }

  async #commit(
    random: Random,
    clone: Clone,
    { key: project, merge }: Claim['projects'][number],
    { from, isFirst, manner, edits }: { from: string; isFirst: boolean; manner: Manner; edits: number },
  ): Promise<MadeCommit | null> {
    const { task } = this.claim;
    const name = `work/${task.phase}-${task.key}-${randomUUID()}.txt`;
    const content = `${task.key} in ${project}: ${randomUUID()}\n`;
    const message = `${task.title} in ${project}`;
    const entry = { project, blob: blobId(content), path: name };
    if (isFirst && merge !== null) {
      const resolved = await this.#resolved(clone, { ours: from, theirs: merge, manner });
      const files = { ...resolved.files, [name]: content };
      return { ...entry, commit: await clone.commit({ ...resolved, from, files, message }) };
    }
    if (task.category === 'merge' && isFirst && !chance(random, 0.1)) return null;
    if (isFirst && chance(random, 0.2)) return null;
    const edit = chance(random, edits) ? { [SHARED]: sharedContent(`${task.key} ${randomUUID()}`) } : {};
    return { ...entry, commit: await clone.commit({ from, files: { ...edit, [name]: content }, message }) };
  }

  async #resolved(clone: Clone, { ours, theirs, manner }: { ours: string; theirs: string; manner: Manner }) {
    const { tree, conflicts } = await clone.mergeTree(ours, theirs);
    const files: Record<string, string> = {};
    const blobs: Record<string, string> = {};
    this.oneSided = manner === 'one side, and says so' ? 'the other side is not wanted' : null;
    for (const { path: file, ours: blob } of conflicts) {
      if (manner === 'one side, and says so' && blob !== null) blobs[file] = blob;
      else if (manner !== 'markers') files[file] = sharedContent(`both ${randomUUID()}`);
    }
    if (manner === 'no parent') return { tree, files, blobs };
    if (manner === 'drops ours') return { merge: theirs, tree: theirs, files: {}, blobs: {} };
    if (manner === 'drops theirs') return { merge: theirs, files: {}, blobs: {} };
    return { merge: theirs, tree, files, blobs };
  }
}

/** The clones of one agent, made when they are needed. */
export function clonesOf(folder: string): (project: string) => Clone {
  const made = new Map<string, Clone>();
  return (project) => {
    const clone = made.get(project) ?? new Clone(path.join(folder, project));
    made.set(project, clone);
    return clone;
  };
}
