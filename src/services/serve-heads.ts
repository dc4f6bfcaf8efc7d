import type { SqlPool } from '../actors/sql.ts';
import type { Hub } from '../git/hub.ts';
import { backupRef } from './branch-names.ts';
import { headsDigest } from './heads.ts';
import type { PlanStore } from './plan-store.ts';
import type { ReviewHeads } from './review-heads.ts';
import { putReview } from './work-store.ts';

/** Keeps heads from garbage collection and writes them down under their digest, which is given back: so they can be agreed to. */
export async function serveHeads(
  { sql, plan, hub }: { readonly sql: SqlPool; readonly plan: PlanStore; readonly hub: Hub },
  unit: { readonly kind: 'initiative' | 'phase'; readonly id: string; readonly round: number },
  { heads, base }: ReviewHeads,
): Promise<string> {
  const initiativeId = unit.kind === 'initiative' ? unit.id : (await plan.phase(unit.id)).initiativeId;
  for (const { project } of await plan.linkedProjects(initiativeId)) {
    const head = heads[project.key] ?? null;
    if (head === null) continue;
    await hub.repository(project.id).createRefIfMissing(backupRef(unit.id, `review/${head}`), head);
  }
  const digest = headsDigest(heads);
  await putReview(sql, { unitId: unit.id, digest, round: unit.round, heads, base });
  return digest;
}
