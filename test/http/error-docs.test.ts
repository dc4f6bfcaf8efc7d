import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { REFUSALS } from '../../src/errors.ts';
import { gitErrorCodes } from '../../src/git/git-error.ts';
import { STATUS } from '../../src/http/problem.ts';
import { fixOf } from '../../src/services/explain/failure-fixes.ts';

const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [heading = '', ...rest] = section.split('\n');
      return [heading, rest.join('\n').split(/^## /m)[0]?.trim() ?? ''];
    }),
);

test('docs/errors.md has every code with its status, once, and no other', () => {
  const headings = (Object.keys(REFUSALS) as (keyof typeof REFUSALS)[]).map(
    (code) => `\`${code}\` · ${STATUS[code]}`,
  );
  expect([...sections.keys()].toSorted()).toEqual(headings.toSorted());
  expect(page.match(/^### /gm)).toHaveLength(headings.length);
});

test('docs/errors.md has a paragraph for every code', () => {
  for (const [heading, text] of sections) expect(text.length, heading).toBeGreaterThan(25);
});

/** The codes in the first column of a section's table. */
function tableOf(heading: string): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \| .{10,} \|$/gm)].map(([, code = '']) => code);
}

/** What the pattern's first group finds in the source files of a folder. */
async function foundIn(folder: string, files: RegExp, pattern: RegExp): Promise<string[]> {
  const root = new URL(`../../src/${folder}/`, import.meta.url);
  const names = (await readdir(root, { recursive: true })).filter((name) => files.test(name));
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, root), 'utf8')));
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, code = '']) => code));
}

const once = (codes: readonly string[]): string[] => [...new Set(codes)].toSorted();

test('docs/errors.md has everything that the hub answers to git, and nothing else', async () => {
  const said = await foundIn('git', /^hub|^hooks.*\.(mjs|sh)$/, /['"`]((?:push|hub)_[a-z_]+): /g);
  expect(said.length).toBeGreaterThan(8);
  expect(tableOf('What the hub answers to git').toSorted()).toEqual(once(said));
});

test('docs/errors.md has every fault of a plan, and nothing else', async () => {
  const faults = await foundIn('services', /^plan-(faults|check)\.ts$/, /code: '([a-z_]+)'/g);
  expect(faults.length).toBeGreaterThan(7);
  expect(tableOf('Faults of a plan').toSorted()).toEqual(once(faults));
});

test('docs/errors.md has every code of a failure, and nothing else', async () => {
  const own = await Promise.all([
    foundIn('machines', /\.ts$/, /(?:failure\(\s*|\bcode: )'([a-z]+_[a-z_]+)'/g),
    foundIn('actors', /^effect-(run|worker)\.ts$/, /code: '((?:effect|invalid)_[a-z_]+)'/g),
    foundIn('services/shapes', /^agent\.ts$/, /\.default\('(agent_[a-z_]+)'\)/g),
  ]);
  const results = (
    await foundIn('machines', /-setup\.ts$/, /readonly result:((?:\s*\|?\s*'[a-z_]+')+)/g)
  ).flatMap((union) => [...union.matchAll(/'([a-z_]+)'/g)].map(([, word = '']) => word));
  const good = ['landed', 'already', 'empty', 'delivered', 'reverted'];
  const failures = [...own.flat(), ...results, ...gitErrorCodes].filter((code) => !good.includes(code));
  // Those with a section of their own are not said twice, except where they mean something else here.
  const documented = tableOf('Why something failed');
  const elsewhere = failures.filter((code) => code in REFUSALS && !documented.includes(code));
  expect(documented.toSorted()).toEqual(once(failures.filter((code) => !elsewhere.includes(code))));
});

test('something helps against every code of a failure', () => {
  const known = [...tableOf('Why something failed'), ...gitErrorCodes];
  expect(known.length).toBeGreaterThan(50);
  expect(known.filter((code) => fixOf(code) === fixOf('a_code_of_an_agent'))).toEqual([]);
});
