export interface CgiHead {
  status: number;
  headers: [name: string, value: string][];
  /** What follows the headers in the bytes read so far. */
  rest: Buffer;
}

const maxHeadBytes = 64 * 1024;

/** Reads the head of a CGI answer (RFC 3875, 6.2). Null: not all of it is there yet. Throws for one that has no end. */
export function parseCgiHead(bytes: Buffer): CgiHead | null {
  const end = /\r?\n\r?\n/.exec(bytes.subarray(0, maxHeadBytes).toString('latin1'));
  if (end === null) {
    if (bytes.length >= maxHeadBytes) throw new Error('the CGI program wrote no end of its headers');
    return null;
  }
  const headers: [string, string][] = [];
  let status = 200;
  for (const line of bytes.subarray(0, end.index).toString('latin1').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const [name, value] = [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10) || 500;
    else headers.push([name, value]);
  }
  return { status, headers, rest: bytes.subarray(end.index + end[0].length) };
}
