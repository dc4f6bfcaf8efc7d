import type { Statement } from './commit.sql.ts';
import type { Plan } from './plan.ts';
import { planSections } from './plan.sql.ts';
import { Parameters } from './recordset.ts';
import type { RowWriter } from './row-writer.ts';

/** Writes newborn actors with the sections of a commit; nothing gates them but the caller's transaction. */
export function createStatement(
  newborns: readonly { readonly id: string; readonly plan: Plan }[],
  writers: ReadonlyMap<string, RowWriter>,
): Statement {
  const parameters = new Parameters();
  const gone = `gone AS MATERIALIZED (${parameters.rows(
    { id: 'uuid' },
    newborns.map(({ id }) => ({ id })),
  )})`;
  const sections = planSections(
    newborns.map(({ id, plan }) => ({ gate: id, plan })),
    writers,
    parameters,
  );
  return { text: `WITH ${[gone, ...sections].join(',\n')}\nSELECT id FROM gone`, values: parameters.values };
}
