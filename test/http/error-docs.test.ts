import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { REFUSALS } from '../../src/errors.ts';
import { STATUS } from '../../src/http/problem.ts';

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
