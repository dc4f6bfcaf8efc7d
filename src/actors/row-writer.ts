import type { JsonObject } from './json.ts';

/** A named machine action that becomes rows of a table, written by the statement that commits the turn. */
export interface RowWriter {
  /** The action's type. */
  readonly name: string;
  /** Rows with one key of one actor replace each other within a commit; the last one is written. */
  readonly key?: (params: JsonObject) => string;
  /** Other action types that write the same rows; the last of them per (actor, key) wins. */
  readonly replaces?: readonly string[];
  /** Members of `params` that become columns, with their SQL types. */
  readonly columns: Readonly<Record<string, string>>;
  /**
   * The writing statement, without a semicolon, over `rows`: the name of a relation that has, besides `columns`,
   * actor_id, root_id, parent_id, child_id, effect_id (uuid) and seq (bigint). It only holds rows of actors that went through.
   * All statements of a commit see the same instant: none sees what another one writes.
   */
  statement(rows: string): string;
}
