const utf8 = new TextDecoder('utf-8', { fatal: true });
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

function decode(bytes: Buffer): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
