/** `node scripts/third-party-licenses.ts [--check]`: writes THIRD-PARTY-LICENSES.md from the lock file and the installed packages. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { generate } from './generated-docs.ts';

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      dev: z.boolean().optional(),
      peer: z.boolean().optional(),
      os: z.union([z.string(), z.array(z.string())]).optional(),
    }),
  ),
});

interface ThirdParty {
  name: string;
  version: string;
  license: string;
  isBuild: boolean;
  place: string;
}

async function runtimePackages(): Promise<ThirdParty[]> {
  const { packages } = lockFile.parse(JSON.parse(await readFile('package-lock.json', 'utf8')));
  return Object.entries(packages)
    .filter(([place, entry]) => place !== '' && entry.dev !== true && entry.peer !== true)
    .map(([place, entry]) => ({
      name: place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version: entry.version ?? '',
      license: entry.license ?? 'not stated',
      isBuild: entry.os !== undefined,
      place,
    }))
    .toSorted((a, b) => (a.name === b.name ? a.version.localeCompare(b.version) : a.name < b.name ? -1 : 1));
}

/** The package's own license text. Builds for other machines are not installed here: they are listed without it, on every machine alike. */
async function licenseText(found: ThirdParty): Promise<string | null> {
  if (found.isBuild) return null;
  const files = await readdir(found.place).catch(() => []);
  const file = files
    .toSorted((a, b) => (a < b ? -1 : 1))
    .find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name));
  if (file === undefined) return null;
  return (await readFile(path.join(found.place, file), 'utf8')).replaceAll('\r\n', '\n').trim();
}

const found = await runtimePackages();
const texts = new Map<string, string[]>();
for (const one of found) {
  const text = await licenseText(one);
  if (text === null) continue;
  texts.set(text, [...(texts.get(text) ?? []), `${one.name} ${one.version}`]);
}
const document = [
  '# Third-party licenses',
  '',
  'Packages that Signalbox installs to run, from the lock file. Made by `node scripts/third-party-licenses.ts`.',
  '',
  '| package | version | license |',
  '|---|---|---|',
  ...found.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`),
  '',
  'The builds of Node.js (MIT and the licenses of what it contains) and of PostgreSQL (PostgreSQL License, with OpenSSL, ICU, libxml2 and',
  'others) carry their texts inside their packages.',
  '',
  ...[...texts].flatMap(([text, names]) => [
    `## ${names.join(', ')}`,
    '',
    '```text',
    text.replaceAll('```', "'''"),
    '```',
    '',
  ]),
].join('\n');
await generate([{ file: 'THIRD-PARTY-LICENSES.md', text: document }], process.argv.slice(2));
