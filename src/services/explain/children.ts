import type { Runtime } from '../../actors/runtime.ts';
import type { ActorView } from '../../actors/view.ts';
import type { Reason } from '../shapes/explanation.ts';
import { pathOf } from './state-path.ts';
import { actorsOf, otherOf, type Subject } from './subject.ts';

/** How many children an answer names; it counts them all. */
const MAX_NAMED = 50;
const MAX_STUCK = 20;

/** How many of its phases or tasks are not settled, which, and which of them wait for a person. */
export async function childrenOf(runtime: Runtime, { actor, kind, children }: Subject): Promise<Reason[]> {
  if (kind === 'task' || actor.tags.includes('settled')) return [];
  const unit = kind === 'phase' ? 'task' : 'phase';
  const all = await actorsOf(runtime, children);
  const open = all.filter((child) => !child.actor.tags.includes('settled'));
  if (open.length === 0) return [];
  const named = open.slice(0, MAX_NAMED).map((child) => otherOf(unit, child));
  const stuck = open.filter((child) => waitsForPerson(child.actor)).slice(0, MAX_STUCK);
  return [
    {
      code: 'children_open',
      text: `${all.length - open.length} of ${all.length} ${unit}s are settled`,
      refers: named.map(({ id }) => id),
      others: named,
    },
    ...stuck.map((child): Reason => {
      const other = otherOf(unit, child);
      return {
        code: 'child_needs_you',
        text: `the ${unit} ${other.key} waits for a person: ${other.path}`,
        refers: [other.id],
        others: [other],
      };
    }),
  ];
}

/** One that ends has no tag for it, but goes on only when a person has mended what is stuck in it. */
function waitsForPerson({ tags, state, context }: ActorView): boolean {
  return (
    tags.includes('needs_you') || (pathOf(state) === 'canceling.draining' && Number(context['stuck']) > 0)
  );
}
