import type { JsonObject } from '../../actors/json.ts';
import type { DeliveryRecord } from '../../git/delivery-types.ts';
import type { EffectDeps } from './effect-deps.ts';
import { projectNames } from './landing-output.ts';

/** What the machine is told when remotes have refused; `refused` becomes the code that they have in common. */
export async function deliveryRefusal(
  deps: EffectDeps,
  initiativeId: string,
  result: 'refused' | 'partially_delivered' | 'revert_refused',
  projects: readonly DeliveryRecord[],
): Promise<JsonObject> {
  const names = await projectNames(deps, initiativeId);
  await rememberCheckedOut(deps, projects);
  return {
    result: result === 'refused' ? commonCode(projects) : result,
    message: projects
      .filter(({ state }) => state === 'refused')
      .map(
        ({ projectId, code, message }) =>
          `${names.get(projectId) ?? projectId}: ${code ?? 'refused'} ${message ?? ''}`,
      )
      .join('; ')
      .slice(0, 400),
  };
}

/** Why nothing was delivered: the code of the remotes that refused, if it is the same for all of them. Each has its own in its record. */
function commonCode(records: readonly DeliveryRecord[]): string {
  const codes = new Set(records.filter(({ state }) => state === 'refused').map(({ code }) => code));
  const [code] = codes;
  return codes.size === 1 ? (code ?? 'refused') : 'refused';
}

/** From git's own refusal it is known that this remote takes no push to that branch: it is not offered again. */
async function rememberCheckedOut(deps: EffectDeps, records: readonly DeliveryRecord[]): Promise<void> {
  const ids = records
    .filter(({ code }) => code === 'remote_branch_checked_out')
    .map(({ projectId }) => projectId);
  if (ids.length === 0) return;
  await deps.sql.query('UPDATE project SET checked_out = true WHERE id = ANY($1::uuid[])', [ids]);
}
