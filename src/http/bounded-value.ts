import { Refusal } from '../errors.ts';

/** Deeper than any plan, shallow enough that no recursive reader behind us runs out of stack. */
const MAX_DEPTH = 64;
/** Values and keys together; a megabyte of JSON has room for far more, none of it meaningful. */
const MAX_NODES = 200_000;

/**
 * Refuses parsed bodies that are too deep, too many or, through YAML aliases, far larger than what was sent. Walks without
 * recursion, and counts a shared part each time it is met, as whoever writes it out again would.
 */
export function requireBounded(value: unknown, maxCharacters: number): void {
  const waiting: { value: unknown; depth: number }[] = [{ value, depth: 1 }];
  let nodes = 0;
  let characters = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    nodes += 1;
    if (typeof next.value === 'string') characters += next.value.length;
    if (next.depth > MAX_DEPTH) throw tooMuch(`nested deeper than ${MAX_DEPTH} levels`);
    if (nodes > MAX_NODES) throw tooMuch(`more than ${MAX_NODES} values`);
    if (characters > maxCharacters)
      throw tooMuch(`more than ${maxCharacters} characters of text once aliases are resolved`);
    if (next.value === null || typeof next.value !== 'object') continue;
    for (const [key, member] of Object.entries(next.value)) {
      if (key === '__proto__') throw new Refusal('invalid_request', 'the body has a member named __proto__');
      characters += Array.isArray(next.value) ? 0 : key.length;
      waiting.push({ value: member, depth: next.depth + 1 });
    }
  }
}

function tooMuch(what: string): Refusal {
  return new Refusal(
    'invalid_request',
    `the body is ${what.startsWith('nested') ? what : `of ${what}`}; make it smaller`,
  );
}
