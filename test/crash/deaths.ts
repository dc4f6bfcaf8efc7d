import type { BoundaryPoint } from '../../src/git/boundary.ts';
import type { KillPlan } from './service-child.ts';
import type { World } from './world.ts';

/** A point at which to die, or that point while an effect of this kind runs. */
export type DyingAt = BoundaryPoint | { readonly point: BoundaryPoint; readonly during: string };

/** Where the service died, and which effects it was running then. */
export interface Death {
  readonly point: BoundaryPoint;
  readonly running: readonly string[];
}

/** What happens around the first death. */
export interface Around {
  /** While the service stands still at the point, still answering requests. */
  readonly beforeDeath?: () => Promise<unknown>;
  readonly whileDead?: () => Promise<unknown>;
}

/**
 * The service dies at the first of the points on the way that `begin` sets out on, is started again, dies at the next point of what it
 * finds to do, and so on; then it is started for good. What was asked of it may never be answered.
 */
export async function dieAt(
  here: World,
  [first, ...others]: readonly DyingAt[],
  begin: () => Promise<unknown>,
  { beforeDeath, whileDead }: Around = {},
): Promise<Death[]> {
  const { service } = here;
  if (service === null || first === undefined) throw new Error('there is no service to kill, or no point');
  const plan = planOf(here, first);
  service.killAt({ ...plan, meanwhile: async () => void (await beforeDeath?.()) });
  const refused = Promise.withResolvers<never>();
  void begin().catch((error: unknown) => {
    // A connection that was cut off, as against an answer.
    if (!(error instanceof TypeError)) refused.reject(error);
  });
  await Promise.race([service.killed(), refused.promise]);
  const deaths = [{ point: plan.point, running: await running(here) }];
  await whileDead?.();
  for (const at of others) {
    const killAt = planOf(here, at);
    await (await here.start({ killAt })).killed();
    deaths.push({ point: killAt.point, running: await running(here) });
  }
  await here.start();
  return deaths;
}

function planOf(here: World, at: DyingAt): KillPlan {
  if (typeof at === 'string') return { point: at };
  const { point, during } = at;
  return { point, isTime: async () => (await running(here)).includes(during) };
}

async function running({ database }: World): Promise<string[]> {
  const { rows } = await database.sql.query<{ kind: string }>(
    `SELECT kind FROM effect WHERE state = 'running' ORDER BY kind`,
  );
  return rows.map(({ kind }) => kind);
}
