import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchors, namedPaths, ownLinks, readDocument, root } from './markdown.ts';

const documents = [
  ...(await readdir(root)),
  ...(await readdir(path.join(root, 'docs'), { recursive: true })).map((file) => path.join('docs', file)),
].filter((file) => file.endsWith('.md'));

async function exists(file: string): Promise<boolean> {
  return access(path.join(root, file)).then(
    () => true,
    () => false,
  );
}

/** Why a link leads nowhere; null when it does lead somewhere. */
async function fault(document: string, link: string): Promise<string | null> {
  const [target = '', anchor] = link.split('#');
  const file = target === '' ? document : path.join(path.dirname(document), target);
  if (!(await exists(file))) return `${link}: there is no ${file}`;
  if (anchor === undefined || anchors(await readDocument(file)).has(anchor)) return null;
  return `${link}: ${file} has no such heading`;
}

describe.each(documents)('%s', (document) => {
  it('links only to what is there', async () => {
    const faults = await Promise.all(
      ownLinks(await readDocument(document)).map((link) => fault(document, link)),
    );
    expect(faults.filter((found) => found !== null)).toEqual([]);
  });

  it('names only files of this repository that are there', async () => {
    const paths = namedPaths(await readDocument(document));
    const missing = await Promise.all(paths.map(async (file) => ((await exists(file)) ? null : file)));
    expect(missing.filter((file) => file !== null)).toEqual([]);
  });
});

it('the documents are found at all', () => {
  expect(documents).toEqual(
    expect.arrayContaining(['README.md', 'ARCHITECTURE.md', path.join('docs', 'guarantees.md')]),
  );
});

it('the documents list every setting, and no other', async () => {
  const [config, index] = [await readDocument('src/config.ts'), await readDocument('docs/README.md')];
  const declared = [...config.matchAll(/^ {2}((?:DATABASE|SIGNALBOX)_\w+):/gm)].map(([, name]) => name);
  const listed = [...index.matchAll(/`((?:DATABASE|SIGNALBOX)_[A-Z_]*[A-Z])`/g)].map(([, name]) => name);
  expect(declared.length).toBeGreaterThan(5);
  expect(new Set(listed)).toEqual(new Set(declared));
});
