import type { ActorView } from '../actors/view.ts';
import { Refusal } from '../errors.ts';

interface PhaseRow {
  readonly id: string;
  readonly key: string;
  readonly ordinal: number;
}

/** States of a phase that has had no slot yet. */
const NOT_BEGUN: ReadonlySet<string> = new Set(['draft', 'blocked', 'queued']);

/** Phases that have not begun, in the order in which they get a slot: as the initiative has it, then as the plan has it. */
export function waitingPhases<Row extends PhaseRow>(
  phases: readonly Row[],
  actors: readonly Pick<ActorView, 'id' | 'machine' | 'state' | 'context'>[],
): Row[] {
  const waiting = actors.find(({ machine }) => machine === 'initiative')?.context['waiting'];
  const places = (Array.isArray(waiting) ? waiting : []).map((place) => Math.abs(Number(place)));
  const place = ({ ordinal }: Row) => (places.includes(ordinal) ? places.indexOf(ordinal) : places.length);
  const begun = new Set(actors.filter((actor) => !NOT_BEGUN.has(outerState(actor))).map(({ id }) => id));
  return phases
    .filter(({ id }) => !begun.has(id))
    .toSorted((a, b) => place(a) - place(b) || a.ordinal - b.ordinal);
}

/** The ordinals of a new order: the named phases, then the others that have not begun. Refuses with `invalid_order`. */
export function phaseOrder(
  phases: readonly PhaseRow[],
  actors: readonly Pick<ActorView, 'id' | 'machine' | 'state' | 'context'>[],
  keys: readonly string[],
): number[] {
  const waiting = new Map(waitingPhases(phases, actors).map((phase) => [phase.key, phase.ordinal]));
  const known = new Set(phases.map(({ key }) => key));
  const faults = [...new Set(keys)].flatMap((key) => {
    if (!known.has(key)) return [{ key, fault: 'unknown' }];
    if (!waiting.has(key)) return [{ key, fault: 'begun' }];
    return keys.indexOf(key) === keys.lastIndexOf(key) ? [] : [{ key, fault: 'twice' }];
  });
  if (faults.length > 0) {
    const said = faults.map(({ key, fault }) => `${key} (${fault})`).join(', ');
    throw new Refusal('invalid_order', `these can not be put in order: ${said}`, { details: { faults } });
  }
  const named = keys.flatMap((key) => waiting.get(key) ?? []);
  return [...named, ...[...waiting.values()].filter((ordinal) => !named.includes(ordinal))];
}

function outerState({ state }: Pick<ActorView, 'state'>): string {
  return typeof state === 'string' ? state : (Object.keys(state)[0] ?? '');
}
