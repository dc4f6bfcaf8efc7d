import { leaveDependencies } from './blocked.ts';
import { keepError } from './effect-answers.ts';

/**
 * The ways into `canceling`: by a person, who says what becomes of those that wait for this (`byPerson`), along with
 * everything around it (`along`), and waived, where those that wait count it as done (`waived`).
 */
export function waysToCancel<Target extends string, const Also extends readonly unknown[]>(
  target: Target,
  ...also: Also
) {
  return {
    byPerson: {
      guard: 'saysWhatDependentsDo',
      target,
      actions: ['recordCancel', leaveDependencies, ...also],
    },
    along: { target, actions: ['recordCancel', ...also] },
    waived: { target, actions: ['recordWaive', leaveDependencies, ...also] },
  } as const;
}

/** The last step of a cancel: no commit is lost, each one that is on no branch gets a backup ref. */
export function retiring<Src extends string, Input, const Done>(effect: {
  src: Src;
  input: Input;
  onDone: Done;
}) {
  return {
    description: 'Backup refs are being written.',
    invoke: { id: 'retire', ...effect, onError: { target: 'stuck', actions: keepError } },
  } as const;
}

/** The input of an effect that ends something canceled or waived. */
export const outcomeInput = <Outcome>({ context }: { context: { outcome: Outcome } }) => ({
  outcome: context.outcome,
});
