/** The tasks that took the place of one that was split: they have consecutive ordinals. */
export interface Parts {
  readonly first: number;
  readonly count: number;
}

export function ordinalsOfParts({ first, count }: Parts): number[] {
  return Array.from({ length: count }, (_, place) => first + place);
}
