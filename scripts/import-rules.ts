import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

interface FolderRule {
  /** Folders of src (or files in it) that may be imported besides the folder itself. */
  internal: readonly string[];
  /** Packages; `null` allows every one that package.json has. */
  packages: readonly string[] | null;
  /** Node's own modules. */
  node: boolean;
}

/** Files that wire: the only ones in src that may import from everywhere. */
const wiring = new Set(['app.ts', 'main.ts', 'service.ts']);

/** Imports point one way. What is not listed is forbidden. */
const rules: Readonly<Record<string, FolderRule>> = {
  machines: { internal: [], packages: ['xstate', 'zod'], node: false },
  actors: { internal: [], packages: ['xstate', 'uuid'], node: true },
  git: { internal: [], packages: ['nodegit', 'zod'], node: true },
  board: { internal: [], packages: ['@xstate/store'], node: false },
  // Implements the ports of actors and git.
  db: { internal: ['actors', 'git', 'errors.ts', 'make-folder.ts'], packages: null, node: true },
  services: { internal: ['actors', 'git', 'db', 'machines', 'errors.ts'], packages: null, node: true },
  http: { internal: ['services', 'board', 'errors.ts'], packages: null, node: true },
  cli: { internal: ['services', 'board', 'errors.ts'], packages: null, node: true },
  // A client like any other: it reaches the server over HTTP alone.
  demo: { internal: ['board', 'make-folder.ts'], packages: null, node: true },
  'config.ts': { internal: [], packages: ['zod'], node: false },
  'errors.ts': { internal: [], packages: [], node: false },
  'make-folder.ts': { internal: [], packages: [], node: true },
};

const importPattern =
  /(?:^|[\s;}])(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

/** The modules that a source text imports, as it names them; types count like values. */
export function importsOf(source: string): string[] {
  const withoutComments = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  return [...withoutComments.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? '');
}

/** What is wrong with the imports of one file; `file` is relative to src. */
export function importFaults(file: string, source: string): string[] {
  if (wiring.has(file)) return [];
  const part = file.split('/')[0] ?? '';
  const rule = rules[part];
  if (rule === undefined)
    return [`src/${file}: no import rule covers ${part}; add one to scripts/import-rules.ts`];
  return importsOf(source).flatMap((name) => {
    const reason = whyForbidden(file, part, rule, name);
    return reason === null ? [] : [`src/${file}: ${reason}`];
  });
}

function whyForbidden(file: string, part: string, rule: FolderRule, name: string): string | null {
  if (name.startsWith('node:'))
    return rule.node ? null : `${part} may not import ${name}: it runs without Node`;
  if (!name.startsWith('.'))
    return isAllowedPackage(rule, name) ? null : `${part} may not import the package ${name}`;
  const target = path.posix.join('src', path.posix.dirname(file), name);
  if (!target.startsWith('src/')) {
    return part === 'db' && target.startsWith('migrations/')
      ? null
      : `${part} may not import ${target}: it is not part of src`;
  }
  const other = target.split('/')[1] ?? '';
  return other === part || rule.internal.includes(other)
    ? null
    : `${part} may not import from ${other} (${name})`;
}

function isAllowedPackage(rule: FolderRule, name: string): boolean {
  const packageName = name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
  return rule.packages === null || rule.packages.includes(packageName);
}

/** The faults of all files of `root`, which is the folder src. */
export async function allImportFaults(root: string): Promise<string[]> {
  const files = (await readdir(root, { recursive: true }))
    .filter((file) => /\.m?[jt]s$/.test(file))
    .toSorted();
  const faults = await Promise.all(
    files.map(async (file) =>
      importFaults(file.split(path.sep).join('/'), await readFile(path.join(root, file), 'utf8')),
    ),
  );
  return faults.flat();
}
