import { tell } from './outbox.ts';

/** The part of a context that numbers the children: `next` is the ordinal that the next one will have. */
interface Parent {
  readonly next: number;
}

/** How many children a parent counts, settled or not. */
export function childCount({ next }: Parent): number {
  return next - 1;
}

/** The same event for every child; settled ones ignore it. */
export function tellChildren(type: string) {
  return tell((parent: Parent) => ({
    many: Array.from({ length: childCount(parent) }, (_, index) => ({
      to: { child: index + 1 },
      event: { type },
    })),
  }));
}
