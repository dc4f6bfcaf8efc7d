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
  /** The first claim of a merge task: what is to be merged is pinned in one project, and not yet in the next. */
  'between-pins',
] as const;

/** The points a submit passes before its task is told. */
export const submitPoints = [
  /** What was handed in is kept in one project, and not yet in the next. */
  'between-keeps',
  /** The submission is written down. */
  'before-submit',
] as const;

/** The points that an event of a person passes. */
export const eventPoints = [
  /** It has been checked, and its actor has not been told. */
  'before-event',
  /** It is committed, and nobody has been answered. */
  'before-answer',
] as const;

/** The points that a comment of a reviewer passes. */
export const commentPoints = [
  /** It has its place in what is served, and is not kept yet. */
  'before-comment',
] as const;

/** The points that the end of something canceled passes. */
export const retirePoints = [
  'before-backup',
  /** One commit has its backup ref, and the next one has not. */
  'between-backups',
  'before-retired',
] as const;

/** The points that a sync passes before it lands. */
export const syncPoints = [
  /** One remote has been fetched, and the next one has not. */
  'between-fetches',
] as const;

export type BoundaryPoint =
  | (typeof landingPoints)[number]
  | (typeof deliveryPoints)[number]
  | (typeof claimPoints)[number]
  | (typeof submitPoints)[number]
  | (typeof eventPoints)[number]
  | (typeof commentPoints)[number]
  | (typeof retirePoints)[number]
  | (typeof syncPoints)[number];

/** Called at each boundary. Production passes a no-op; only tests stop here. */
export interface Boundary {
  (point: BoundaryPoint): Promise<void>;
}
