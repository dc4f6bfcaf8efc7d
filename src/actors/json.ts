/** A value that survives JSON and PostgreSQL's jsonb unchanged. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** A JSON object; `undefined` members are allowed and vanish when written. */
export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/**
 * Finds text that jsonb can not hold: U+0000 (22P05) and lone surrogates (22P02).
 * One of them in a batch would fail every event beside it, so the door looks first.
 * Returns the path of the first one, or null.
 */
export function findUnstorableText(value: unknown, path = '$'): string | null {
  if (typeof value === 'string') {
    return value.includes('\u0000') || !value.isWellFormed() ? path : null;
  }
  if (value === null || typeof value !== 'object') return null;
  for (const [key, member] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
    if (findUnstorableText(key) !== null) return `${path} (a key)`;
    const found = findUnstorableText(member, at);
    if (found !== null) return found;
  }
  return null;
}
