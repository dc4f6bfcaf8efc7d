import { isBinary } from './text-lines.ts';

/** The signs that git begins the parts of a conflict with. The `=` between them is none: headings are underlined with it. */
export type MarkerSign = '<' | '|' | '>';

/**
 * At least as long as git writes it (the attribute `conflict-marker-size` makes it longer), and with the label that git puts behind it:
 * without one it may be a line that underlines a heading.
 */
const MARKER = /^(?:<{7,}|\|{7,}|>{7,}) \S/;

/** Which signs the lines of a resolution begin with that look like conflict markers and are on neither side as they stand. */
export function leftoverMarkers(resolved: Buffer, sides: readonly Buffer[]): ReadonlySet<MarkerSign> {
  if (isBinary(resolved)) return new Set();
  const lines = markerLines(resolved);
  if (lines.length === 0) return new Set();
  const theirOwn = new Set(sides.flatMap(markerLines));
  return new Set(lines.filter((line) => !theirOwn.has(line)).map((line) => line.charAt(0) as MarkerSign));
}

/** Byte for byte, without the end of the line, which may be CRLF. */
function markerLines(blob: Buffer): string[] {
  return blob
    .toString('latin1')
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    .filter((line) => MARKER.test(line));
}
