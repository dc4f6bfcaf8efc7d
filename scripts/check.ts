/**
 * `npm run check`: everything that has to be right before a change is committed, all of it even when one step fails.
 * `--without-tests` leaves the tests out, `--report <file>` writes which steps passed as JSON.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

interface Step {
  name: string;
  args: readonly string[];
}

const bin = (packagePath: string): string => `node_modules/${packagePath}`;

const steps: readonly Step[] = [
  { name: 'format', args: [bin('oxfmt/bin/oxfmt'), '--check', '.'] },
  { name: 'lint', args: [bin('oxlint/bin/oxlint'), '--deny-warnings'] },
  { name: 'import rules', args: ['scripts/check-imports.ts'] },
  { name: 'types', args: [bin('typescript/bin/tsc'), '--noEmit', '-p', '.'] },
  { name: 'unused code', args: [bin('knip/bin/knip.js')] },
  { name: 'machine diagrams are fresh', args: ['scripts/machine-docs.ts', '--check'] },
  { name: 'event reference is fresh', args: ['scripts/event-docs.ts', '--check'] },
  { name: 'docs', args: ['scripts/check-docs.ts'] },
  { name: 'lock file', args: ['scripts/check-lock.mjs'] },
  { name: 'third-party licenses are fresh', args: ['scripts/third-party-licenses.ts', '--check'] },
  { name: 'named tests exist', args: ['scripts/check-named-tests.mjs'] },
  { name: 'mutants apply', args: ['scripts/mutants.ts', '--apply-only'] },
  {
    name: 'machines and the pure parts of actors are covered whole',
    args: [bin('vitest/vitest.mjs'), 'run', '--config', 'vitest.pure.config.ts'],
  },
];
const tests: Step = { name: 'tests', args: [bin('vitest/vitest.mjs'), 'run'] };

const { values: options } = parseArgs({
  options: { 'without-tests': { type: 'boolean', default: false }, report: { type: 'string' } },
});

function passes(step: Step): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, step.args, { stdio: 'inherit' });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

const results: { name: string; passed: boolean }[] = [];
for (const step of options['without-tests'] ? steps : [...steps, tests]) {
  console.log(`\n== ${step.name}`);
  results.push({ name: step.name, passed: await passes(step) });
}
console.log('');
for (const { name, passed } of results) console.log(`${passed ? 'ok    ' : 'FAILED'} ${name}`);
if (options.report !== undefined) await writeFile(options.report, JSON.stringify(results));
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
