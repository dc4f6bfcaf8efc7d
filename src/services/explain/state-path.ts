import type { ActorView } from '../../actors/view.ts';
import type { StateOutline } from '../../machines/machine-definition.ts';

/** The states it is in, from the outside in. */
export function namesOf(state: ActorView['state']): string[] {
  if (typeof state === 'string') return [state];
  const [entry] = Object.entries(state);
  return entry === undefined ? [] : [entry[0], ...(entry[1] === undefined ? [] : namesOf(entry[1]))];
}

/** `in_progress.working` */
export function pathOf(state: ActorView['state']): string {
  return namesOf(state).join('.');
}

/** The same states as the machine describes them; the machine itself is not among them. */
export function lineOf(machine: StateOutline, state: ActorView['state']): StateOutline[] {
  const line: StateOutline[] = [];
  let at: StateOutline | undefined = machine;
  for (const name of namesOf(state)) {
    at = at?.states?.[name];
    if (at !== undefined) line.push(at);
  }
  return line;
}
