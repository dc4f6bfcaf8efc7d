/** Collects parameters of a statement and gives the relations made of them. */
export class Parameters {
  readonly values: string[] = [];

  /** A relation over JSON rows: one parameter, however many rows. */
  rows(columns: Readonly<Record<string, string>>, rows: readonly object[]): string {
    this.values.push(JSON.stringify(rows));
    const list = Object.entries(columns).map(([name, type]) => `"${name}" ${type}`);
    return `SELECT * FROM jsonb_to_recordset($${this.values.length}::jsonb) AS r(${list.join(', ')})`;
  }
}
