/** What the service allows this push, from its environment; null when it came another way, and then it may do nothing. */
export type PushGrant =
  | { mode: 'attempt'; ref: string }
  | { mode: 'late'; ref: string; keepAs: string }
  | null;

export const grantVariable = 'SIGNALBOX_PUSH';

export function readGrant(environment: Readonly<Record<string, string | undefined>>): PushGrant {
  const text = environment[grantVariable];
  return text === undefined ? null : (JSON.parse(text) as PushGrant);
}

export interface PushCommand {
  old: string;
  new: string;
  ref: string;
}

export function isZero(oid: string): boolean {
  return /^0+$/.test(oid);
}

export function parseCommand(line: string): PushCommand {
  const [old = '', next = '', ...ref] = line.split(' ');
  return { old, new: next, ref: ref.join(' ') };
}

/** Why a push may not do this, with a stable code in front; null when it may. */
export function refusalOf(command: PushCommand, grant: PushGrant): string | null {
  if (grant === null)
    return 'push_not_granted: push over the URL that the claim gave you, with its credential';
  if (command.ref !== grant.ref)
    return `push_ref_not_granted: this lease may push ${grant.ref} and nothing else`;
  if (isZero(command.new)) return 'push_delete_refused: branches here are never deleted by a push';
  return null;
}
