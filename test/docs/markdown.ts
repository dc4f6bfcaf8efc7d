import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export function readDocument(file: string): Promise<string> {
  return readFile(path.join(root, file), 'utf8');
}

/** The lines that open or close a fenced block, as they stand. */
export function fences(markdown: string): string[] {
  return markdown.match(/^[ \t>]*(?:```|~~~).*$/gm) ?? [];
}

/** The fenced `sh` blocks of a document, in order. */
export function commandBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

export function firstLine(block: string): string {
  return block.split('\n', 1)[0] ?? '';
}

/** Links and images that lead to a place in this repository. */
export function ownLinks(markdown: string): string[] {
  const text = markdown.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of its headings, as the usual hosts make them. */
export function anchors(markdown: string): Set<string> {
  const headings = [...markdown.replace(/^```.*?^```$/gms, '').matchAll(/^#{1,6} (.+)$/gm)].map(
    ([, heading = '']) => heading,
  );
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Paths into this repository that stand in backticks; patterns and folders of a running service are none. */
export function namedPaths(markdown: string): string[] {
  const named = [...markdown.matchAll(/`((?:src|test|scripts|migrations|examples)\/[\w./-]+)`/g)].map(
    ([, name = '']) => name,
  );
  return [...new Set(named)];
}
