import { createHash } from 'node:crypto';

/** Statements come in as many shapes as there are sets of sections; beyond this they are not worth a server's memory. */
const MOST = 200;
const names = new Map<string, string>();

/** A name under which a connection keeps the statement's plan, or none when there are too many already. */
export function preparedName(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MOST) return known;
  const name = `actors_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
  names.set(text, name);
  return name;
}
