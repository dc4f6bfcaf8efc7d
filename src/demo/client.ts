import type { BoardEntry, BoardTree } from '../board/board-types.ts';
import type { PlanDocument, PlannedTask } from './plan.ts';
import { Requests } from './requests.ts';

export interface Named {
  readonly id: string;
  readonly key: string;
}

export interface Review {
  readonly round: number;
  readonly digest: string;
  readonly heads: Readonly<Record<string, string | null>>;
}

export interface ChangedFile {
  readonly project: string;
  readonly path: string;
}

/** What of a diff the demo's reviewer reads: the lines that were added, by their number in the new file. */
export interface DiffLine {
  readonly kind: 'context' | 'added' | 'deleted';
  readonly new: number | null;
  readonly text: string;
}

/** `startLine` is the first of several lines. */
export interface NewComment {
  readonly project: string;
  readonly file: string;
  readonly startLine: number | null;
  readonly line: number;
  readonly text: string;
}

export interface Comment extends NewComment {
  readonly state: string;
  readonly replies: readonly { readonly kind: string; readonly text: string; readonly by: string | null }[];
}

export interface Landing {
  readonly openedBy: string | null;
  readonly settledBy: string | null;
  readonly intents: readonly unknown[];
}

export interface Explanation {
  readonly key: string;
  readonly sentence: string;
}

export type Scope = 'operator' | 'reviewer' | 'agent' | 'viewer';
export type Reviewed = 'phases' | 'initiatives';

/** What the demo asks of a service, under one token. A service that is away or starting is asked again, until the signal. */
export class Client {
  readonly #requests: Requests;

  constructor(url: () => string, token: string, signal: AbortSignal) {
    this.#requests = new Requests(url, token, signal);
  }

  async addProject(key: string, remote: string, defaultBranch: string): Promise<void> {
    await this.#requests.post('/v1/projects', { key, remote, defaultBranch }, `project-${key}`);
  }

  async applyPlan(plan: PlanDocument): Promise<Named> {
    const applied = await this.#requests.post<{ initiative: Named }>('/v1/plans', plan, `plan-${plan.key}`);
    return applied.initiative;
  }

  async makeToken(name: string, scope: Scope): Promise<string> {
    const { token } = await this.#requests.post<{ token: string | null }>(
      '/v1/tokens',
      { name, scope },
      null,
    );
    if (token === null) throw new Error(`the token ${name} was not shown`);
    return token;
  }

  async tree(initiative: string): Promise<BoardTree> {
    return this.#requests.get(`/v1/initiatives/${initiative}`);
  }

  /** The journal after a cursor; null is its beginning. */
  async journal(initiative: string, after: string | null): Promise<readonly BoardEntry[]> {
    const page = await this.#requests.get<{ entries: readonly BoardEntry[] }>('/v1/journal', {
      initiative,
      after,
    });
    return page.entries;
  }

  async review(kind: Reviewed, id: string): Promise<Review> {
    return this.#requests.get(`/v1/${kind}/${id}/review`);
  }

  /** All changed files under review; `since` is the digest of an earlier review, whose files are left out. */
  async reviewFiles(phase: string, since: string | null): Promise<readonly ChangedFile[]> {
    return this.#pages(`/v1/phases/${phase}/review/files`, { since }, (page: { files: ChangedFile[] }) => [
      ...page.files,
    ]);
  }

  /** The changed lines of one file under review; none of a file that has no lines. */
  async reviewLines(
    phase: string,
    { project, path }: ChangedFile,
    since: string | null,
  ): Promise<readonly DiffLine[]> {
    return this.#pages(
      `/v1/phases/${phase}/review/diff`,
      { project, path, since },
      ({ diff }: { diff: { hunks?: readonly { lines: readonly DiffLine[] }[] } }) =>
        (diff.hunks ?? []).flatMap(({ lines }) => lines),
    );
  }

  async comment(phase: string, comment: NewComment, key: string): Promise<void> {
    await this.#requests.post(`/v1/phases/${phase}/review/comments`, comment, key);
  }

  async comments(phase: string): Promise<readonly Comment[]> {
    return (await this.#requests.get<{ comments: readonly Comment[] }>(`/v1/phases/${phase}/review/comments`))
      .comments;
  }

  /** What was commented on goes to an agent. */
  async requestChanges(phase: string, summary: string, { round, digest }: Review): Promise<void> {
    const event = { type: 'phase.requestChanges', summary };
    await this.#requests.post(`/v1/phases/${phase}/events`, event, `changes-${phase}-${round}-${digest}`);
  }

  /** Approves exactly the heads of the review that was read. */
  async approve(kind: Reviewed, id: string, { heads, digest, round }: Review): Promise<void> {
    const type = kind === 'phases' ? 'phase.approve' : 'initiative.approve';
    await this.#requests.post(
      `/v1/${kind}/${id}/events`,
      { type, heads },
      `approve-${id}-${round}-${digest}`,
    );
  }

  async addTask(phase: string, task: PlannedTask): Promise<void> {
    const event = { type: 'phase.addTask', ...task };
    await this.#requests.post(`/v1/phases/${phase}/events`, event, `add-${phase}-${task.key}`);
  }

  async landings(initiative: string): Promise<readonly Landing[]> {
    const path = `/v1/initiatives/${initiative}/landings`;
    return (await this.#requests.get<{ landings: readonly Landing[] }>(path)).landings;
  }

  async agents(): Promise<readonly { readonly id: string; readonly name: string }[]> {
    return (await this.#requests.get<{ agents: { id: string; name: string }[] }>('/v1/agents')).agents;
  }

  async explain(kind: 'phases' | 'tasks' | 'initiatives', id: string): Promise<Explanation> {
    return this.#requests.get(`/v1/${kind}/${id}/explain`);
  }

  /** An address that opens the inspector's feed once, within a minute. */
  async inspectorAddress(initiative: string): Promise<string> {
    return (await this.#requests.post<{ url: string }>('/v1/inspect/tickets', { initiative }, null)).url;
  }

  isReady(): Promise<boolean> {
    return this.#requests.isReady();
  }

  /** All pages of a list, one after the other. */
  async #pages<P extends object, T>(
    path: string,
    query: Readonly<Record<string, string | null>>,
    read: (page: P) => readonly T[],
  ): Promise<readonly T[]> {
    const all: T[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const page: P & { next: string | null } = await this.#requests.get(path, {
        ...query,
        after: after ?? null,
      });
      all.push(...read(page));
      after = page.next;
    }
    return all;
  }
}
