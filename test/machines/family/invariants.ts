import type { InitiativeContext } from '../../../src/machines/initiative-context.ts';
import type { PhaseContext } from '../../../src/machines/phase-context.ts';
import type { TaskContext } from '../../../src/machines/task-context.ts';
import type { Family, Member } from './family.ts';

const contextOf = <C>(member: Member) => member.snapshot.context as C;
const isSettled = (member: Member) => member.isSettled;

/** States that carry `needs_you` as part of the plan, not because something is wrong: the parent is not told of them. */
const EXPECTED_WAITS = [
  'draft',
  'pending_review',
  'pending_review.open',
  'in_progress.asking',
  'in_progress.attention',
];

/** Has this child told its parent that it waits for a person? */
function isStuck(member: Member): boolean {
  if (member.path === 'in_progress.attention') return true;
  return member.snapshot.hasTag('needs_you') && !EXPECTED_WAITS.includes(member.path);
}

function expectEqual(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`${what}: counted ${actual}, but it is ${expected}`);
}

/** Messages of the children that their parent has not heard yet. */
function sent(family: Family, parent: Member, type: string): number {
  return family
    .childrenOf(parent.id)
    .reduce((sum, child) => sum + family.inFlight(type, child.id, parent.id), 0);
}

/** A parent's counters differ from the truth by exactly what is still on its way. */
function checkCounters(family: Family, parent: Member): void {
  const children = family.childrenOf(parent.id);
  const kind = parent.kind === 'initiative' ? 'phase' : 'task';
  const context = contextOf<PhaseContext | InitiativeContext>(parent);
  const onTheWay = (type: string) => sent(family, parent, type);
  expectEqual(`${parent.id} children`, context.next - 1, children.length);
  expectEqual(
    `${parent.id} settled`,
    context.settled + onTheWay(`${kind}.settled`),
    children.filter(isSettled).length,
  );
  expectEqual(
    `${parent.id} stuck`,
    context.stuck + onTheWay(`${kind}.stuck`) - onTheWay(`${kind}.unstuck`),
    children.filter(isStuck).length,
  );
}

function checkSlots(family: Family, initiative: Member): void {
  const phases = family.childrenOf(initiative.id);
  const context = contextOf<InitiativeContext>(initiative);
  const holders = phases.filter((phase) => phase.path.startsWith('in_progress.')).length;
  const granted = phases.reduce(
    (sum, phase) => sum + family.inFlight('slot.granted', initiative.id, phase.id),
    0,
  );
  expectEqual(
    'slots',
    context.active + sent(family, initiative, 'slot.taken') - sent(family, initiative, 'slot.returned'),
    holders + granted,
  );
  if (context.active < 0) throw new Error('slots are negative');
}

/** While a phase resolves a conflict with the default branches, no other is made for one. */
function checkMergePhases(family: Family, initiative: Member): void {
  const open = family
    .childrenOf(initiative.id)
    .filter((phase) => !isSettled(phase) && contextOf<PhaseContext>(phase).conflict.of === 'initiative');
  if (open.length > 1) throw new Error(`${open.map(({ id }) => id).join(' and ')} resolve one conflict`);
}

/** What holds after every step. */
export function checkAlways(family: Family): void {
  for (const parent of [...family.all('initiative'), ...family.all('phase')]) {
    checkCounters(family, parent);
    if (!isSettled(parent)) continue;
    const left = family.childrenOf(parent.id).find((child) => !isSettled(child));
    if (left !== undefined) throw new Error(`${parent.id} is settled, but ${left.id} is not`);
  }
  for (const initiative of family.all('initiative')) {
    checkSlots(family, initiative);
    checkMergePhases(family, initiative);
  }
  for (const phase of family.all('phase')) {
    const { mode, approved } = contextOf<PhaseContext>(phase);
    if (phase.path === 'merging.landing' && mode === 'review_per_phase' && approved === null)
      throw new Error(`${phase.id} lands what nobody has approved`);
  }
  for (const { actor, src } of family.effects.values()) {
    if (
      src !== 'phase.land' &&
      src !== 'phase.prove' &&
      src !== 'initiative.prove' &&
      src !== 'initiative.deliver'
    )
      continue;
    const left = family.childrenOf(actor).find((child) => !isSettled(child));
    if (left !== undefined) throw new Error(`${src} of ${actor} runs before ${left.id} is settled`);
  }
}

function checkConflict(family: Family, task: Member): void {
  const siblings = family.childrenOf(String(task.parent));
  const { resolves, resolver } = contextOf<TaskContext>(task);
  if (task.path === 'conflicted') {
    const merge = siblings.find((sibling) => sibling.ordinal === resolver);
    if (merge === undefined || isSettled(merge) || merge.path === 'failed') {
      throw new Error(`${task.id} waits for a resolution that nobody makes`);
    }
  }
  if (resolves === null || isSettled(task) || task.path.startsWith('canceling.')) return;
  if (contextOf<TaskContext>(task).cancelRequested) return;
  const source = siblings.find((sibling) => sibling.ordinal === resolves);
  const isWanted =
    source !== undefined && (source.path === 'conflicted' || source.path === 'conflict_unresolved');
  if (!isWanted || contextOf<TaskContext>(source).resolver !== task.ordinal) {
    throw new Error(`${task.id} resolves a conflict that nobody has any more`);
  }
}

function checkDependencies(family: Family, member: Member): void {
  if (!member.path.startsWith('blocked.')) return;
  const { pending, stranded } = contextOf<TaskContext | PhaseContext>(member);
  const siblings = family.childrenOf(String(member.parent));
  const gone = pending.find((ordinal) => {
    const sibling = siblings.find((one) => one.ordinal === ordinal);
    return sibling === undefined || (isSettled(sibling) && !stranded.includes(ordinal));
  });
  if (gone !== undefined) throw new Error(`${member.id} waits for ${gone}, which is settled`);
}

function checkPhaseWaits(family: Family, initiative: Member, phase: Member): void {
  const { active, phaseLimit, waiting, paused } = contextOf<InitiativeContext>(initiative);
  if (phase.path === 'queued') {
    if (!waiting.includes(phase.ordinal))
      throw new Error(`${phase.id} has asked for a slot, and nobody knows`);
    const grants = initiative.path.startsWith('in_progress.running');
    if (grants && active < phaseLimit) throw new Error(`${phase.id} waits for a slot while one is free`);
  }
  if (phase.path === 'merging.gate' && !paused) throw new Error(`${phase.id} waits at an open gate`);
  if (phase.path === 'canceling.draining' && family.childrenOf(phase.id).every(isSettled)) {
    throw new Error(`${phase.id} drains, and all its tasks are settled`);
  }
}

/** What holds when no message is on its way: everybody who waits waits for somebody who will speak. */
export function checkQuiet(family: Family): void {
  for (const initiative of family.all('initiative')) {
    for (const phase of family.childrenOf(initiative.id)) {
      checkDependencies(family, phase);
      checkPhaseWaits(family, initiative, phase);
      for (const task of family.childrenOf(phase.id)) {
        checkDependencies(family, task);
        checkConflict(family, task);
      }
    }
  }
}
