import type { MikroORM } from '@mikro-orm/postgresql';
import { Initiative } from '../db/entities/initiative.ts';
import { entitySql } from '../db/entity-sql.ts';
import { Refusal } from '../errors.ts';
import type { Hub } from '../git/hub.ts';
import { checkedOutReason, isCheckedOut } from './checked-out.ts';
import { planFaults } from './plan-faults.ts';
import { outlineOf, type PlanOutline } from './plan-outline.ts';
import { type Plan, planSchema } from './plan-schema.ts';
import type { PlanStore } from './plan-store.ts';
import type { PlanDocument, PlanFault, PlanReport } from './shapes/plan.ts';

/** How many faults are listed; `total` counts the others as well. */
const MAX_FAULTS = 500;

/** Says everything that is wrong with a plan at once: its shape, and its keys as far as its shape lets them be read. */
export class PlanCheck {
  readonly #orm: MikroORM;
  readonly #store: PlanStore;
  readonly #hub: Hub;

  constructor(deps: { orm: MikroORM; store: PlanStore; hub: Hub }) {
    this.#orm = deps.orm;
    this.#store = deps.store;
    this.#hub = deps.hub;
  }

  /** The plan is null when it has not the shape of one. */
  async check(document: PlanDocument): Promise<{ plan: Plan | null; report: PlanReport }> {
    const parsed = planSchema.safeParse(document);
    const outline = outlineOf(document);
    const faults: PlanFault[] = [];
    let total = 0;
    const note = (fault: PlanFault) => {
      total += 1;
      if (total <= MAX_FAULTS) faults.push(fault);
    };
    for (const { path, message } of parsed.error?.issues ?? []) {
      note({ path: pathOf(path), code: 'invalid_field', message });
    }
    for (const fault of planFaults(outline)) note(fault);
    for (const fault of await this.#databaseFaults(outline)) note(fault);
    const report: PlanReport = {
      valid: total === 0,
      faults,
      total,
      counts: {
        projects: outline.projects?.length ?? 0,
        phases: outline.phases.length,
        tasks: outline.phases.reduce((sum, { tasks }) => sum + tasks.length, 0),
      },
    };
    return { plan: parsed.data ?? null, report };
  }

  async #databaseFaults(plan: PlanOutline): Promise<PlanFault[]> {
    const faults: PlanFault[] = [];
    const sql = entitySql(this.#orm.em.fork());
    const known = new Map((await this.#store.projects()).map((project) => [project.key, project]));
    for (const { at, key, strategy } of plan.projects ?? []) {
      const project = known.get(key);
      if (project === undefined) {
        faults.push({
          path: `projects[${at}].key`,
          code: 'unknown_project',
          message: `no project has the key ${key}; add it first`,
        });
      } else if (strategy === 'merge_and_push' && (await isCheckedOut({ sql, hub: this.#hub }, project))) {
        faults.push({
          path: `projects[${at}].strategy`,
          code: 'remote_branch_checked_out',
          message: checkedOutReason(project),
        });
      }
    }
    if (plan.key !== null && (await this.#orm.em.fork().findOne(Initiative, { key: plan.key })) !== null) {
      faults.push(keyTaken(plan.key));
    }
    return faults;
  }
}

export function keyTaken(key: string): PlanFault {
  return { path: 'key', code: 'key_taken', message: `there is an initiative ${key} already` };
}

export function invalidPlan(
  { faults, total }: Pick<PlanReport, 'faults' | 'total'>,
  cause?: unknown,
): Refusal {
  const cut = total > faults.length ? `; the first ${faults.length} are listed` : '';
  return new Refusal('invalid_plan', `the plan has ${total} ${total === 1 ? 'fault' : 'faults'}${cut}`, {
    details: { faults, total },
    cause,
  });
}

/** `phases[1].tasks[0].key`, as people write it. */
function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}
