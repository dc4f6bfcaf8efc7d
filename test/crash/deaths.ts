import type { BoundaryPoint } from '../../src/git/boundary.ts';
import type { World } from './world.ts';

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
  [first, ...others]: readonly BoundaryPoint[],
  begin: () => Promise<unknown>,
  { beforeDeath, whileDead }: Around = {},
): Promise<Death[]> {
  const { service } = here;
  if (service === null || first === undefined) throw new Error('there is no service to kill, or no point');
  const meanwhile = async () => void (await beforeDeath?.());
  service.killAt({ point: first, meanwhile });
  const refused = Promise.withResolvers<never>();
  void begin().catch((error: unknown) => {
    // A connection that was cut off, as against an answer.
    if (!(error instanceof TypeError)) refused.reject(error);
  });
  await Promise.race([service.killed(), refused.promise]);
  const deaths = [{ point: first, running: await running(here) }];
  await whileDead?.();
  for (const point of others) {
    const next = await here.start({ killAt: { point } });
    await next.killed();
    deaths.push({ point, running: await running(here) });
  }
  await here.start();
  return deaths;
}

async function running({ database }: World): Promise<string[]> {
  const { rows } = await database.sql.query<{ kind: string }>(
    `SELECT kind FROM effect WHERE state = 'running' ORDER BY kind`,
  );
  return rows.map(({ kind }) => kind);
}
