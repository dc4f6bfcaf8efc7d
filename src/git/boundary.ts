/** The points a landing passes, in order. A crash at any of them must leave every unit landed whole or untouched. */
export const landingPoints = [
  'before-merge',
  'after-merge',
  'before-intents',
  'after-intents',
  'after-prepare',
  'between-commits',
  'after-commits',
  'before-result',
] as const;

/** The points a delivery passes. */
export const deliveryPoints = [
  'before-push',
  /** The remote has taken the push, and nobody has written it down. */
  'before-push-record',
  'between-pushes',
  'after-push',
  'before-delivery-result',
] as const;

/** The points a claim passes. */
export const claimPoints = [
  /** Between reading the phase's tips of two projects. */
  'between-tips',
  /** Branches and row of the attempt are there, and the task has not been told. */
  'before-claim',
] as const;

export type BoundaryPoint =
  | (typeof landingPoints)[number]
  | (typeof deliveryPoints)[number]
  | (typeof claimPoints)[number];

/** Called at each boundary. Production passes a no-op; only tests stop here. */
export interface Boundary {
  (point: BoundaryPoint): Promise<void>;
}
