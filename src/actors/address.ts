import { v5 } from 'uuid';

/** Whom a machine may tell something: by id, or by its place in the family. Children are numbered by their parent. */
export type Address =
  | { readonly actor: string }
  | 'parent'
  | { readonly child: number }
  | { readonly sibling: number };

/** The id of a parent's n-th child; everybody who knows the parent can compute it. */
export function childId(parentId: string, ordinal: number): string {
  return v5(String(ordinal), parentId);
}

/** Resolves an address seen from an actor; throws when an actor without a parent names its parent or a sibling. */
export function resolveAddress(from: { id: string; parentId: string | null }, to: Address): string {
  if (to === 'parent') return parentOf(from);
  if ('actor' in to) return to.actor;
  if ('child' in to) return childId(from.id, to.child);
  return childId(parentOf(from), to.sibling);
}

function parentOf(from: { id: string; parentId: string | null }): string {
  if (from.parentId === null) throw new Error(`actor ${from.id} has no parent to tell`);
  return from.parentId;
}
