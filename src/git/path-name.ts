// A byte order mark is part of a name like any other letter.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const escapes: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};
const escaped = new Map(Object.entries(escapes).map(([byte, text]) => [text, Number(byte)]));

/**
 * A file name as text. Names that are plain UTF-8 stay as they are; a name with other bytes, control characters or a leading quote
 * is quoted the way git does it (`"caf\351"`), so that two different names never read the same.
 */
export function pathName(bytes: Buffer): string {
  const decoded = decode(bytes);
  if (decoded !== null && !/[\u0000-\u001f\u007f]/.test(decoded) && !decoded.startsWith('"')) return decoded;
  let quoted = '"';
  for (const byte of bytes) {
    if (escapes[byte] !== undefined) quoted += escapes[byte];
    else if (byte < 32 || byte >= 127) quoted += `\\${byte.toString(8).padStart(3, '0')}`;
    else quoted += String.fromCharCode(byte);
  }
  return `${quoted}"`;
}

/** The bytes whose name `pathName` prints like this; null for a text that it never prints. */
export function pathBytes(name: string): Buffer | null {
  const bytes = name.startsWith('"') ? unquote(name) : Buffer.from(name);
  // Only this rules out a second spelling of the same name, such as a quoted one that needs no quotes.
  return pathName(bytes) === name ? bytes : null;
}

function unquote(name: string): Buffer {
  const tokens = name.slice(1, -1).match(/\\[0-7]{3}|\\?[^]/g) ?? [];
  return Buffer.from(
    tokens.map((token) => {
      if (token.length === 4) return Number.parseInt(token.slice(1), 8) & 0xff;
      return escaped.get(token) ?? token.charCodeAt(0) & 0xff;
    }),
  );
}

function decode(bytes: Buffer): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
