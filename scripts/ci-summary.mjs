// `node scripts/ci-summary.mjs <folder>`: counts what .ci/run left in the folder (steps.tsv, seconds, tests.json, check.json) and prints the last line of CI.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { unprovenTests } from './check-named-tests.mjs';

/** Titles of tests that may be skipped, one a line; a `#` begins a comment, and `[not root]` what may be skipped only when the run is not root. */
const skippedList = 'test/skipped.txt';

/** Every one of them has to have run; how the tests and the check ended is in their reports. */
const expectedSteps = ['npm ci', 'npm test', 'npm run check', 'npm run demo'];
const reported = ['npm test', 'npm run check'];

/** What CI should take on two idle cores. A busy machine may need more: that is said, and no failure. */
const goalSeconds = 15 * 60;

const reasonLines = 15;
const reasonColumns = 500;

/** The titles of the list that may be skipped in this run. */
export function allowedSkips(text, isRoot) {
  let applies = true;
  return text.split('\n').filter((line) => {
    if (line.startsWith('[')) applies = line !== '[not root]' || !isRoot;
    return applies && line !== '' && !/^[#[]/.test(line);
  });
}

/**
 * @param steps how each command ended, and how many seconds it took
 * @param tests vitest's report, or null when there is none
 * @param check the steps of the check, or null when it wrote none
 * @param seconds how long all of it took: some steps run beside each other
 * @param allowed titles of tests that may be skipped
 */
export function summarize({ steps, seconds, tests, check, allowed }) {
  const lines = [];
  let passed = 0;
  let failed = 0;
  const count = (isPassed, name, why = []) => {
    if (isPassed) passed++;
    else {
      failed++;
      lines.push(`FAILED ${name}`, ...why.map((line) => `       ${line}`));
    }
  };

  const exitOf = (name) => steps.find((step) => step.name === name)?.code;
  for (const name of new Set([...expectedSteps, ...steps.map((step) => step.name)])) {
    // The tests and the check are counted one by one below.
    if (reported.includes(name)) continue;
    count(exitOf(name) === 0, exitOf(name) === undefined ? `${name}: did not run` : name);
  }

  if (tests === null) count(false, 'npm test: no report');
  else {
    const before = failed;
    const skipped = [];
    for (const file of tests.testResults) {
      for (const result of file.assertionResults) {
        const title = [...result.ancestorTitles, result.title].join(' > ');
        if (result.status === 'passed') passed++;
        else if (result.status === 'failed')
          count(false, `${file.name}: ${title}`, reasons(result.failureMessages));
        else skipped.push(title);
      }
      if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'))
        count(false, `${file.name}: ${firstLine(file.message) || 'failed outside its tests'}`);
    }
    if (failed === before && exitOf('npm test') !== 0)
      count(false, `npm test: exit code ${exitOf('npm test')} although no test failed`);
    for (const title of skipped) lines.push(`skipped ${title}`);
    const surplus = skipped.filter((title) => !allowed.includes(title));
    count(surplus.length === 0, `${surplus.length} skipped tests that ${skippedList} does not name`);
    const unproven = unprovenTests(tests);
    count(unproven.length === 0, `named tests: ${unproven.join('; ')}`);
  }

  if (check === null) count(false, 'npm run check: no report');
  else {
    for (const { name, passed: isPassed } of check) count(isPassed, `check: ${name}`);
    const code = exitOf('npm run check');
    if (code !== 0 && check.every(({ passed: isPassed }) => isPassed))
      count(false, `npm run check: exit code ${code} although no step of it failed`);
  }

  for (const step of steps) lines.push(`${step.name} took ${step.seconds} s`);
  lines.push(
    `all steps took ${seconds} s: the goal of ${goalSeconds} s was ${seconds <= goalSeconds ? 'met' : 'missed'}`,
  );
  return { lines: [...lines, `${passed} passed, ${failed} failed`], failed };
}

/** What the reporter says of a failure, cut to what a person needs who sees nothing but this summary. */
function reasons(messages) {
  return stripVTControlCharacters((messages ?? []).join('\n'))
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.includes('node_modules'))
    .slice(0, reasonLines)
    .map((line) => line.slice(0, reasonColumns));
}

function firstLine(text) {
  return (text ?? '').split('\n')[0];
}

async function read(file) {
  return readFile(file, 'utf8').catch(() => null);
}

async function readJson(file) {
  const text = await read(file);
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

if (process.argv[1] !== undefined && process.argv[1].endsWith('ci-summary.mjs')) {
  const folder = process.argv[2];
  const steps = ((await read(path.join(folder, 'steps.tsv'))) ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))
    .map(([code, seconds, name]) => ({ code: Number(code), seconds: Number(seconds), name }));
  const allowed = allowedSkips((await read(skippedList)) ?? '', process.getuid?.() === 0);
  const { lines, failed } = summarize({
    steps,
    seconds: Number((await read(path.join(folder, 'seconds'))) ?? Infinity),
    tests: await readJson(path.join(folder, 'tests.json')),
    check: await readJson(path.join(folder, 'check.json')),
    allowed,
  });
  console.log(`\n${lines.join('\n')}`);
  process.exitCode = failed === 0 ? 0 : 1;
}
