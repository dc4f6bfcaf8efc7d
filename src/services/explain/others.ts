import type { Runtime } from '../../actors/runtime.ts';
import type { Reason } from '../shapes/explanation.ts';
import { partsIn } from '../split-tasks.ts';
import { isPutAside, ordinalsOf, standing, type Subject } from './subject.ts';

/** Those beside it that it depends on, now or when it goes on, by key, and those of them that were canceled. */
export async function dependenciesOf(runtime: Runtime, subject: Subject): Promise<Reason[]> {
  const { actor, kind, path, siblings } = subject;
  const isLater = isPutAside(path);
  if (!isLater && !path.startsWith('blocked')) return [];
  const pending = ordinalsOf(actor, 'pending');
  const stranded = ordinalsOf(actor, 'stranded');
  const waited = siblings.filter(({ ordinal }) => pending.includes(ordinal));
  const others = new Map((await standing(runtime, kind, waited)).map((other) => [other.id, other]));
  return waited.map(({ id, key, ordinal }) => {
    const other = others.get(id);
    const common = { refers: [id], others: other === undefined ? [] : [other] };
    return stranded.includes(ordinal)
      ? { code: 'stranded', text: `${key} was canceled, and nobody has said to go on without it`, ...common }
      : {
          code: 'waits_for_dependency',
          text: `${isLater ? 'when it goes on, it waits' : 'waits'} for ${key}, which is ${other?.path ?? 'missing'}`,
          ...common,
        };
  });
}

/** A task can not be claimed before its phase has a branch, and it is the phase that makes the parts of one that is split. */
export async function phaseOf(runtime: Runtime, subject: Subject): Promise<Reason[]> {
  const { actor, kind, path, parent } = subject;
  if (kind !== 'task' || parent === null) return [];
  const isUnopened = path.startsWith('blocked') && actor.context['phaseOpen'] !== true;
  if (!isUnopened && path !== 'splitting') return [];
  const others = await standing(runtime, 'phase', [parent]);
  const phase = `the phase ${parent.key}, which is ${others[0]?.path ?? 'missing'}`;
  const text = isUnopened
    ? `waits for the branch of ${phase}`
    : `waits for the tasks that take its place, from ${phase}`;
  return [{ code: 'waits_for_phase', text, refers: [parent.id], others }];
}

/** The merge task that works on its conflict. */
export async function resolverOf(runtime: Runtime, subject: Subject): Promise<Reason[]> {
  const { actor, kind, path, siblings } = subject;
  if (kind !== 'task' || !path.startsWith('conflict')) return [];
  const resolver = siblings.filter(({ ordinal }) => ordinal === actor.context['resolver']);
  const others = await standing(runtime, 'task', resolver);
  if (path === 'conflicted' && resolver.length === 0) {
    return [{ code: 'waits_for_resolution', text: 'waits for the phase to make a merge task', refers: [] }];
  }
  return resolver.map(({ id, key }) => ({
    code: 'waits_for_resolution',
    text: `${key} resolves its conflict, and is ${others[0]?.path ?? 'missing'}`,
    refers: [id],
    others,
  }));
}

/** The tasks that took its place, if it was split. */
export async function partsOf(runtime: Runtime, { actor, siblings }: Subject): Promise<Reason[]> {
  const ordinals = partsIn(actor.context['parts']);
  if (ordinals.length === 0) return [];
  const parts = siblings.filter(({ ordinal }) => ordinals.includes(ordinal));
  return [
    {
      code: 'split',
      text: `it was split: ${parts.map(({ key }) => key).join(', ')} took its place`,
      refers: parts.map(({ id }) => id),
      others: await standing(runtime, 'task', parts),
    },
  ];
}
