import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { defaultBranchRef } from './ref-name.ts';
import { childrenElsewhere } from './child-records.ts';
import { GitError } from './git-error.ts';
import type { GitRunner } from './git-runner.ts';
import { hubConfig, installHooks, writeWhole } from './hub-config.ts';
import { type HttpLimits, serveGit } from './hub-http.ts';
import type { HubGrant, HubHealth, HubProject, RemoteProbe } from './hub-types.ts';
import { draftPrefix, removeLeftovers } from './leftovers.ts';
import { sweepLocks } from './lock-sweep.ts';
import { fetchRemote, followDefault } from './remote-fetch.ts';
import { checkedOutBranches, probeRemote } from './remote-probe.ts';
import { parseRemoteUrl, type RemoteUrl, type RemoteUrlPolicy } from './remote-url.ts';
import { Repository } from './repository.ts';
import { refuseForeignContent } from './repository-features.ts';
import { removeUnusedClones, type UnusedClones } from './unused-clones.ts';

export interface HubOptions {
  /** The folder with one bare repository per project. Every process that serves the same database shares it. */
  root: string;
  runner: GitRunner;
  /** The Node that runs the hooks; this process's own when not stated. */
  node?: string | undefined;
  remotes?: RemoteUrlPolicy;
  http?: Partial<HttpLimits>;
  /** How long the first clone of a repository may take; later fetches bring little. */
  cloneDeadlineMs?: number;
  /** Refs that an open intent owns: no push may move them, whatever its grant says. */
  ownedRefs?: (projectId: string) => Promise<readonly string[]>;
  /** Runs alone among all processes; needed to sweep locks. */
  exclusively?: <T>(name: string, work: () => Promise<T>) => Promise<T>;
}

const projectId = /^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/;

/** Our bare clones, one per project: where initiative, phase, task and attempt branches live. */
export class Hub {
  readonly #options: HubOptions;
  readonly #limits: HttpLimits;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#limits = { maxBodyBytes: 512 * 1024 * 1024, deadlineMs: 10 * 60_000, ...options.http };
  }

  /**
   * Puts the hooks and the settings of every project right. They name this checkout and this folder: after a move or a
   * restored backup every push would fail without it. Before the first request.
   */
  async prepare(): Promise<void> {
    await mkdir(this.#options.root, { recursive: true });
    await installHooks(this.#hooksDir());
    for (const id of await this.#projects()) await this.#configure(this.#dir(id));
  }

  /** The repository of a project that `ensure` has made; the signal ends every git in it. */
  repository(id: string, signal?: AbortSignal): Repository {
    return new Repository(this.#dir(id), this.#options.runner, signal);
  }

  remoteUrl(remote: string): RemoteUrl {
    return parseRemoteUrl(remote, this.#options.remotes);
  }

  probe(remote: string, signal?: AbortSignal): Promise<RemoteProbe> {
    return probeRemote(this.#options.runner, this.remoteUrl(remote), signal);
  }

  /** Branches that are checked out at a remote on this machine; of others none is known. */
  async checkedOut(remote: string): Promise<string[]> {
    const { path } = this.remoteUrl(remote);
    return path === undefined ? [] : checkedOutBranches(this.#options.runner, path);
  }

  /**
   * Makes the bare clone of a project, or puts its settings right. Refuses with the code of what is wrong with the remote or its
   * content; then nothing is left behind, because a new clone is made aside and moved into place when it is whole.
   */
  async ensure(project: HubProject): Promise<Repository> {
    const { remote, dir } = { remote: this.remoteUrl(project.remote), dir: this.#dir(project.id) };
    const branch = defaultBranchRef(project.defaultBranch);
    await installHooks(this.#hooksDir());
    if (await exists(dir)) {
      await this.#configure(dir);
      return this.repository(project.id);
    }
    const draft = new Repository(
      join(this.#options.root, `${draftPrefix}${project.id}-${randomUUID()}`),
      this.#options.runner,
    );
    try {
      await mkdir(draft.dir, { recursive: true });
      await draft.runner.run({
        args: [
          'init',
          '--quiet',
          '--bare',
          '--template=',
          `--initial-branch=${project.defaultBranch}`,
          '--',
          draft.dir,
        ],
      });
      await this.#configure(draft.dir);
      const shallow = await this.#clone(draft, remote);
      const tip = await this.#defaultTip(draft, project.defaultBranch, remote, shallow);
      await refuseForeignContent(draft, tip);
      await draft.createRefIfMissing(branch, tip);
      await rename(draft.dir, dir).catch((error: NodeJS.ErrnoException) => {
        // Another process added the same project at the same time; its clone is as good.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
    } finally {
      await rm(draft.dir, { recursive: true, force: true });
    }
    return this.repository(project.id);
  }

  /** Removes the clone of a project that was not added after all. */
  async discard(id: string): Promise<void> {
    await rm(this.#dir(id), { recursive: true, force: true });
  }

  /** What a kill has left of projects that were never added; `known` says which of these there are. Before `prepare`. */
  async removeUnused(known: UnusedClones['known']): Promise<string[]> {
    await mkdir(this.#options.root, { recursive: true });
    return removeUnusedClones({ root: this.#options.root, repository: (id) => this.repository(id), known });
  }

  /** Brings the remote's branches under refs/remotes/origin, and the hub's default branch forward with it. Nothing is ever pruned. */
  async fetch(project: HubProject, signal?: AbortSignal): Promise<void> {
    const repository = await this.#existing(project.id);
    await fetchRemote(repository, this.remoteUrl(project.remote), { signal });
    await followDefault(repository, project.defaultBranch);
  }

  /** Serves one request of git over smart HTTP; `req.url` ends in `.git/info/refs?service=...`, `.git/git-upload-pack` or `.git/git-receive-pack`. */
  async serve(req: IncomingMessage, res: ServerResponse, grant: HubGrant): Promise<void> {
    const repository = await this.#existing(grant.projectId);
    const owned =
      grant.push?.mode === 'attempt' ? ((await this.#options.ownedRefs?.(grant.projectId)) ?? []) : [];
    await serveGit(req, res, {
      repository,
      root: this.#options.root,
      grant,
      node: this.#options.node ?? process.execPath,
      owned,
      limits: this.#limits,
    });
  }

  /**
   * Removes what dead processes left: locks, in every project, and half-made clones and packs when they are old enough that nobody
   * can be at work on them. Says which locks could not be removed. For the start and for `/readyz`.
   */
  async sweep(): Promise<HubHealth> {
    const lockedRefs: HubHealth['lockedRefs'] = [];
    const elsewhere: string[] = [];
    try {
      await mkdir(this.#options.root, { recursive: true });
      for (const id of await this.#projects()) {
        const { held } = await sweepLocks(
          this.#dir(id),
          this.#options.exclusively ?? ((_name, work) => work()),
        );
        lockedRefs.push(...held.map((path) => ({ projectId: id, path })));
        if (held.length > 0)
          elsewhere.push(...childrenElsewhere(this.#dir(id)).map((path) => `${id}.git/${path}`));
      }
      await removeLeftovers(
        this.#options.root,
        (await this.#projects()).map((id) => this.#dir(id)),
        2 * Math.max(this.#cloneDeadlineMs(), this.#limits.deadlineMs),
      );
      await writeWhole(join(this.#options.root, '.probe'), `${randomUUID()}\n`);
    } catch (error) {
      return {
        ok: false,
        lockedRefs,
        reason: `the hub's folder can not be written: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      };
    }
    return {
      ok: lockedRefs.length === 0,
      lockedRefs,
      ...(lockedRefs.length === 0 ? { reason: null } : heldBy(elsewhere)),
    };
  }

  /** A repository that is big is not one that is away, and to come again would only begin anew. */
  async #clone(draft: Repository, remote: RemoteUrl): Promise<string[]> {
    const deadlineMs = this.#cloneDeadlineMs();
    return fetchRemote(draft, remote, { deadlineMs }).catch((error: unknown) => {
      const isLate =
        error instanceof GitError && error.cause instanceof GitError && error.cause.code === 'git_timeout';
      if (!isLate) throw error;
      throw new GitError(
        'clone_too_slow',
        `the repository was not here after ${Math.round(deadlineMs / 1_000)} s; nothing was kept of it. Add it when the line is free, or from nearer by`,
        { cause: error },
      );
    });
  }

  #cloneDeadlineMs(): number {
    return this.#options.cloneDeadlineMs ?? 30 * 60_000;
  }

  async #projects(): Promise<string[]> {
    const names = await readdir(this.#options.root);
    return names
      .filter((name) => name.endsWith('.git'))
      .map((name) => name.slice(0, -4))
      .filter((id) => projectId.test(id));
  }

  async #existing(id: string): Promise<Repository> {
    const repository = this.repository(id);
    if (!(await exists(repository.dir)))
      throw new GitError('hub_missing', 'the hub has no clone of this project; add the project again');
    return repository;
  }

  async #configure(dir: string): Promise<void> {
    await writeWhole(
      join(dir, 'config'),
      hubConfig({ hooksDir: this.#hooksDir(), maxPackBytes: this.#limits.maxBodyBytes }),
    );
  }

  async #defaultTip(
    repository: Repository,
    branch: string,
    remote: RemoteUrl,
    shallow: readonly string[],
  ): Promise<string> {
    const branches = await repository.readRefs('refs/remotes/origin');
    const tip = branches.get(`refs/remotes/origin/${branch}`);
    if (tip !== undefined) return tip;
    if (shallow.length > 0)
      throw new GitError(
        'repository_is_shallow',
        `the repository at ${remote.url} is a shallow clone: its history can not be merged with; run "git fetch --unshallow" there, or name the repository that it was cloned from`,
      );
    if (branches.size === 0)
      throw new GitError(
        'repository_has_no_commits',
        'the repository has no commits; push a first one to its default branch',
      );
    throw new GitError(
      'default_branch_missing',
      `the repository has no branch ${branch}; name the one that work is delivered to`,
    );
  }

  #dir(id: string): string {
    if (!projectId.test(id)) throw new GitError('hub_missing', 'this is not the id of a project');
    return join(this.#options.root, `${id}.git`);
  }

  #hooksDir(): string {
    return join(this.#options.root, '.hooks');
  }
}

function heldBy(elsewhere: readonly string[]): Pick<HubHealth, 'reason' | 'cause'> {
  const held = 'lock files are held by git children that may be alive';
  if (elsewhere.length === 0) return { reason: held };
  return {
    reason: `${held}; some are noted by a machine or container of another name: when that one is gone for good, remove its notes from the hub`,
    cause: `noted in ${elsewhere.slice(0, 5).join(', ')}`,
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
