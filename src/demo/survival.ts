/** What came up in a run, of that which it is there to show. */
export interface Survived {
  /** Processes that were killed. */
  readonly kills: number;
  /** Landings that one process began and another finished. */
  readonly resumed: number;
  readonly hasKilledAgent: boolean;
  /** A conflict was resolved by a task of its own. */
  readonly hasMerged: boolean;
}

/** `survived: K kills, L landings resumed`. Throws when the run did not meet what it is there to show. */
export function survival({ kills, resumed, hasKilledAgent, hasMerged }: Survived): string {
  if (kills < 2) throw new Error(`only ${kills} processes were killed`);
  if (resumed === 0) throw new Error('no landing was in flight when the service was killed');
  if (!hasKilledAgent) throw new Error('no agent was killed at work');
  if (!hasMerged) throw new Error('no conflict came up');
  return `survived: ${kills} kills, ${resumed} landings resumed`;
}
