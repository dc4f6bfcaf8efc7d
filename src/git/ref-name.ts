import { GitError } from './git-error.ts';

const maxBytes = 240;
const objectId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The rules of git-check-ref-format, and stricter where git leaves room for surprises: no leading dash anywhere, printable ASCII only. */
export function isRefName(name: string): boolean {
  if (!name.startsWith('refs/') || name.length > maxBytes) return false;
  if (!/^[\x21-\x7e]+$/.test(name) || /[~^:?*[\\"']/.test(name)) return false;
  if (name.includes('..') || name.includes('@{') || name.endsWith('.')) return false;
  const parts = name.split('/');
  return (
    parts.length >= 3 &&
    parts.every(
      (part) => part !== '' && !part.startsWith('.') && !part.startsWith('-') && !part.endsWith('.lock'),
    )
  );
}

export function checkRefName(name: string): string {
  if (!isRefName(name))
    throw new GitError(
      'invalid_ref_name',
      `${JSON.stringify(name.slice(0, 80))} is not a full ref name that can be used; use refs/heads/<letters, digits, ., _, - and />`,
    );
  return name;
}

/** A branch by its short name. `HEAD`, `../x` and `--upload-pack=x` are none. */
export function isBranchName(name: string): boolean {
  return name !== 'HEAD' && name !== '@' && !name.startsWith('refs/') && isRefName(`refs/heads/${name}`);
}

export function checkBranchName(name: string): string {
  if (!isBranchName(name))
    throw new GitError(
      'invalid_branch_name',
      `${JSON.stringify(name.slice(0, 80))} is not a branch name; use letters, digits, ., _, - and /`,
    );
  return name;
}

/** A branch that work may be delivered to: beside ours, which are all under `signalbox/`. Some disks take both cases for one. */
export function defaultBranchRef(name: string): string {
  const ref = branchRef(name);
  if (/^refs\/heads\/signalbox(\/|$)/i.test(ref))
    throw new GitError(
      'default_branch_reserved',
      `${name} can not be the default branch, because the branches of initiatives are under signalbox/; name another branch`,
    );
  return ref;
}

export function branchRef(name: string): string {
  return `refs/heads/${checkBranchName(name)}`;
}

/** The short name of a branch. */
export function branchOf(ref: string): string {
  return ref.replace(/^refs\/heads\//, '');
}

export function isObjectId(text: string): boolean {
  return objectId.test(text);
}

export function checkObjectId(text: string): string {
  if (!isObjectId(text))
    throw new GitError('invalid_object_id', `${JSON.stringify(text.slice(0, 80))} is not a full commit id`);
  return text;
}
