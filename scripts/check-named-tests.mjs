// The tests that stand for a promise are found by name. `node scripts/check-named-tests.mjs [vitest report]`: with a report they must also have passed.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const range = (letter, numbers) => numbers.map((number) => `${letter}${number}`);

export const promised = [
  ...range(
    'R',
    Array.from({ length: 14 }, (_, index) => index + 1),
  ),
  ...range(
    'F',
    Array.from({ length: 14 }, (_, index) => index + 1),
  ),
];

const declaration =
  /\b(describe|it|test|suite)((?:\.\w+(?:\([^)]*\))?)*)\s*(?:\(|\.each)\s*(['"`])([RF]\d+) /g;

/** What is wrong with the named tests in these files: missing, or declared so that they may not run. */
export function namedTestFaults(files) {
  const found = new Map();
  for (const { file, text } of files) {
    for (const [, , modifiers, , name] of text.matchAll(declaration)) {
      const list = found.get(name) ?? [];
      list.push({
        file,
        isSkipped:
          /skip|todo|runIf|fails/i.test(modifiers) || /\bdescribe\.(skip|todo|skipIf|runIf)\b/.test(text),
      });
      found.set(name, list);
    }
  }
  return promised.flatMap((name) => {
    const tests = found.get(name) ?? [];
    if (tests.length === 0) return [`${name}: no test has a title that begins with "${name} "`];
    return tests.filter((test) => test.isSkipped).map((test) => `${name}: may be skipped in ${test.file}`);
  });
}

/** The named tests that a vitest JSON report does not show as passed. */
export function unprovenTests(report) {
  const results = report.testResults.flatMap((file) => file.assertionResults);
  return promised.flatMap((name) => {
    const own = results.filter((result) =>
      [...result.ancestorTitles, result.title].some((title) => title.startsWith(`${name} `)),
    );
    if (own.length === 0) return [`${name}: not in the report`];
    return own
      .filter((result) => result.status !== 'passed')
      .map((result) => `${name}: ${result.status}: ${result.title}`);
  });
}

if (process.argv[1] !== undefined && process.argv[1].endsWith('check-named-tests.mjs')) {
  const names = (await readdir('test', { recursive: true })).filter(
    (name) => name.endsWith('.test.ts') && !name.includes('fixtures') && !name.startsWith('platform/'),
  );
  const files = await Promise.all(
    names.map(async (name) => ({
      file: `test/${name}`,
      text: await readFile(path.join('test', name), 'utf8'),
    })),
  );
  const report = process.argv[2];
  const faults = [
    ...namedTestFaults(files),
    ...(report === undefined ? [] : unprovenTests(JSON.parse(await readFile(report, 'utf8')))),
  ];
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
