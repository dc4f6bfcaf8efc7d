import type { PushGrant } from './hooks/grant.ts';

/** A project as the hub needs it; the hub folder is `<root>/<id>.git`. */
export interface HubProject {
  id: string;
  remote: string;
  defaultBranch: string;
}

/** What one caller may do over smart HTTP. Everything that is not named is hidden and refused. */
export interface HubGrant {
  projectId: string;
  /** Full ref names a fetch shows, as far as they exist. */
  readRefs: readonly string[];
  push: PushGrant | null;
  /** Shown to hooks as REMOTE_USER; the lease id. */
  user?: string;
}

export interface RemoteProbe {
  /** Branch name to tip. */
  branches: Record<string, string>;
  /** The branch HEAD names at the remote, when it says so. */
  head: string | null;
  /** Branches checked out there; known only for remotes that are a path on this machine. */
  checkedOut: string[];
}

export interface HubHealth {
  ok: boolean;
  /** Lock files that could not be swept because a git child that may hold them may be alive. */
  lockedRefs: { projectId: string; path: string }[];
  /** What the operator should know, for `/readyz`. */
  reason: string | null;
  /** Names of projects and files to that, for those who may see them. */
  cause?: string;
}
