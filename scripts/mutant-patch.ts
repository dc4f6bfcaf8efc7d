import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** One guarantee broken on purpose. */
export interface Mutant {
  /** The patch's name without its ending. */
  name: string;
  patch: string;
  guarantee: string;
  testFile: string;
  /** The test's own title, or its groups and title joined by ` > `. */
  testTitle: string;
}

const header = (text: string, name: string): string | null => {
  const match = new RegExp(`^# ${name}: (.+)$`, 'm').exec(text);
  return match?.[1]?.trim() ?? null;
};

/** Reads `# test: <file> > <title>` and `# guarantee: <words>` from the top of a patch; throws with what is missing. */
export function parseMutant(file: string, text: string): Mutant {
  const test = header(text, 'test');
  const guarantee = header(text, 'guarantee');
  const cut = test?.indexOf(' > ') ?? -1;
  if (test === null || cut === -1) throw new Error(`${file}: has no line "# test: <file> > <title>"`);
  if (guarantee === null) throw new Error(`${file}: has no line "# guarantee: <what it breaks>"`);
  return {
    name: path.basename(file, '.patch'),
    patch: path.resolve(file),
    guarantee,
    testFile: test.slice(0, cut).trim(),
    testTitle: test.slice(cut + 3).trim(),
  };
}

/** All mutants of `folder` whose name fits the pattern, in which `*` stands for anything. */
export async function readMutants(folder: string, only: string): Promise<Mutant[]> {
  const pattern = new RegExp(`^${only.split('*').map(escapePattern).join('.*')}$`);
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith('.patch')).toSorted();
  const mutants = await Promise.all(
    files.map(async (file) =>
      parseMutant(path.join(folder, file), await readFile(path.join(folder, file), 'utf8')),
    ),
  );
  return mutants.filter(({ name }) => pattern.test(name));
}

/**
 * Whether a test file declares a test of this title: its last part, as a string of the source. In a table's title (`%s`) anything may
 * stand in such a place.
 */
export function hasTitle(source: string, testTitle: string): boolean {
  const title = testTitle.split(' > ').at(-1) ?? testTitle;
  // From every quote on, because one in a comment begins no string.
  const strings = source.matchAll(/(?=(['"`])((?:\\.|(?!\1)[^\\\n])*)\1)/g);
  for (const [, , raw = ''] of strings) {
    const written = raw.replaceAll(/\\(.)/gs, '$1');
    if (written === title) return true;
    const parts = written.split(/%[sdijfo#$%]|\$\{[^}]*\}|\$[a-zA-Z.]+/);
    if (parts.length === 1 || parts.join('').trim().length < 8) continue;
    if (new RegExp(`^${parts.map(escapePattern).join('.*')}$`, 's').test(title)) return true;
  }
  return false;
}

export function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
