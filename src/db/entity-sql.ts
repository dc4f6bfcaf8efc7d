import type { EntityManager } from '@mikro-orm/postgresql';
import { CompiledQuery } from 'kysely';
import type { Sql } from '../actors/sql.ts';

/** The SQL port on an entity manager: inside `em.transactional` it runs in that transaction, beside the entities. */
export function entitySql(em: EntityManager): Sql {
  return {
    async query<R>(text: string, params: readonly unknown[] = []) {
      const result = await em.getKysely().executeQuery<R>(CompiledQuery.raw(text, [...params]));
      return { rows: result.rows, rowCount: Number(result.numAffectedRows ?? result.rows.length) };
    },
  };
}
