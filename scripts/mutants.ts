/**
 * `npm run mutants`: each patch of test/mutants breaks one guarantee in a scratch copy of the tree. It has to apply cleanly and to pass the type check; its
 * named test has to be green without it, in the same run, and red with it, by its own assertion or its own stated timeout.
 * `--only <name with *>` takes some, `--jobs <n>` copies work side by side, `--shard <i>/<n>` takes every n-th, `--apply-only` only looks whether all apply.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type OwnServer, startPrivateServer } from '../test/support/own-server.ts';
import { escapePattern, hasTitle, type Mutant, readMutants } from './mutant-patch.ts';
import { parseReport, type Verdict, verdictOf, type VitestReport } from './mutant-verdict.ts';

const run = promisify(execFile);

/** Fewer would leave a guarantee, a landing step or a promise of the reference without one. */
const fewest = 30;
const testRunMs = 240_000;
const leftOut = new Set(['node_modules', '.git', '.signalbox', 'coverage']);

interface Outcome {
  mutant: Mutant;
  caught: boolean;
  why: string;
}

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '*' },
    jobs: { type: 'string', default: '2' },
    shard: { type: 'string', default: '1/1' },
    'apply-only': { type: 'boolean', default: false },
  },
});

async function makeCopy(): Promise<string> {
  const copy = await mkdtemp(path.join(tmpdir(), 'signalbox-mutant-'));
  await cp('.', copy, {
    recursive: true,
    filter: (file) => !leftOut.has(path.relative('.', file).split(path.sep)[0] ?? ''),
  });
  await symlink(path.resolve('node_modules'), path.join(copy, 'node_modules'));
  return copy;
}

/** In a folder that is no repository `git apply` needs to be told so, or it looks for one above. */
async function apply(copy: string, mutant: Mutant, ...flags: string[]): Promise<string | null> {
  try {
    await run('git', ['apply', ...flags, mutant.patch], {
      cwd: copy,
      env: { ...process.env, GIT_CEILING_DIRECTORIES: path.dirname(copy) },
    });
    return null;
  } catch (error) {
    return error instanceof Error && 'stderr' in error
      ? String(error.stderr).trim().split('\n').slice(0, 2).join(' ')
      : String(error);
  }
}

async function typeFaults(copy: string): Promise<string | null> {
  try {
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'], {
      cwd: copy,
      maxBuffer: 64e6,
    });
    return null;
  } catch (error) {
    return error instanceof Error && 'stdout' in error
      ? (String(error.stdout).split('\n')[0] ?? '')
      : String(error);
  }
}

/** Runs tests of some files; the report says how they ended, whatever vitest's exit code. */
async function runTests(
  copy: string,
  files: readonly string[],
  titles: readonly string[],
  server: OwnServer,
): Promise<VitestReport | null> {
  const report = path.join(copy, 'mutant-report.json');
  await rm(report, { force: true });
  // vitest matches against groups and title joined by spaces.
  const pattern = titles.map((title) => escapePattern(title.split(' > ').at(-1) ?? title)).join('|');
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...files,
    '-t',
    pattern,
    '--reporter=json',
    `--outputFile=${report}`,
    '--max-workers=1',
  ];
  let said = '';
  await run(process.execPath, args, {
    cwd: copy,
    timeout: testRunMs,
    killSignal: 'SIGKILL',
    maxBuffer: 64e6,
    env: { ...process.env, SIGNALBOX_TEST_DATABASE_URL: server.urlOf('postgres') },
  }).catch((error: unknown) => {
    said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  });
  const found = await readFile(report, 'utf8').then(parseReport, () => null);
  // Tests that did not even begin say why only here.
  if (!found?.testResults.some((file) => file.assertionResults.length > 0))
    console.error(said.trim().slice(-2_000));
  return found;
}

async function tryMutant(copy: string, mutant: Mutant, clean: Verdict, server: OwnServer): Promise<Outcome> {
  if (clean.result !== 'green') return { mutant, caught: false, why: `not green without it: ${clean.why}` };
  const unfit = (await apply(copy, mutant, '--check')) ?? (await apply(copy, mutant));
  if (unfit !== null) return { mutant, caught: false, why: `does not apply: ${unfit}` };
  const outcome = await judge(copy, mutant, server);
  const left = await apply(copy, mutant, '--reverse');
  if (left !== null) throw new Error(`${mutant.name} can not be taken back out of ${copy}: ${left}`);
  return outcome;
}

async function judge(copy: string, mutant: Mutant, server: OwnServer): Promise<Outcome> {
  const fault = await typeFaults(copy);
  if (fault !== null) return { mutant, caught: false, why: `does not type-check: ${fault}` };
  const report = await runTests(copy, [mutant.testFile], [mutant.testTitle], server);
  const { result, why } = verdictOf(report, mutant.testTitle);
  if (result === 'red') return { mutant, caught: true, why };
  if (result === 'green') return { mutant, caught: false, why: 'SURVIVED: its test is green with it' };
  return { mutant, caught: false, why: `not by its own assertion: ${why}` };
}

/** Each job has a copy of its own: first the clean run of its tests, then one mutant after the other. */
async function runJob(mutants: readonly Mutant[], server: OwnServer): Promise<Outcome[]> {
  const copy = await makeCopy();
  try {
    const files = [...new Set(mutants.map(({ testFile }) => testFile))];
    const outcomes: Outcome[] = [];
    for (const file of files) {
      const own = mutants.filter(({ testFile }) => testFile === file);
      const clean = await runTests(
        copy,
        [file],
        own.map(({ testTitle }) => testTitle),
        server,
      );
      for (const mutant of own) {
        const outcome = await tryMutant(copy, mutant, verdictOf(clean, mutant.testTitle), server);
        console.log(line(outcome));
        outcomes.push(outcome);
      }
    }
    return outcomes;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function line({ mutant, caught, why }: Outcome): string {
  return `${caught ? 'caught' : 'MISSED'}  ${mutant.name.padEnd(40)} ${mutant.guarantee}\n        ${why}`;
}

async function checkThatAllApply(mutants: readonly Mutant[]): Promise<string[]> {
  const faults =
    mutants.length < fewest && options.only === '*'
      ? [`there are ${mutants.length} mutants; at least ${fewest} are promised`]
      : [];
  for (const mutant of mutants) {
    const unfit = await apply('.', mutant, '--check');
    if (unfit !== null) faults.push(`${mutant.name}: does not apply: ${unfit}`);
    const text = await readFile(mutant.testFile, 'utf8').catch(() => null);
    if (text === null) faults.push(`${mutant.name}: there is no ${mutant.testFile}`);
    else if (!hasTitle(text, mutant.testTitle))
      faults.push(`${mutant.name}: ${mutant.testFile} has no test "${mutant.testTitle}"`);
  }
  return faults;
}

async function tryAll(mutants: readonly Mutant[]): Promise<string[]> {
  const jobs = Math.max(1, Math.min(Number(options.jobs), mutants.length));
  const server = await startPrivateServer({
    settings: { fsync: 'off', full_page_writes: 'off', max_connections: '300' },
  });
  try {
    // Mutants of one test file stay together, for the sake of its one clean run.
    const files = [...new Set(mutants.map(({ testFile }) => testFile))];
    const shares = Array.from({ length: jobs }, (_, job) =>
      mutants.filter(({ testFile }) => files.indexOf(testFile) % jobs === job),
    );
    const outcomes = (await Promise.all(shares.map((share) => runJob(share, server)))).flat();
    const missed = outcomes.filter(({ caught }) => !caught);
    console.log(`\n${outcomes.length - missed.length} of ${outcomes.length} mutants caught`);
    return missed.map((outcome) => line(outcome));
  } finally {
    await server.close();
  }
}

const [shard = 1, shards = 1] = options.shard.split('/').map(Number);
const mutants = (await readMutants('test/mutants', options.only)).filter(
  (_, index) => index % shards === shard - 1,
);
const faults = options['apply-only'] ? await checkThatAllApply(mutants) : await tryAll(mutants);
for (const fault of faults) console.error(fault);
if (mutants.length === 0 && !options['apply-only']) console.error(`no mutant is called ${options.only}`);
process.exitCode = faults.length === 0 && mutants.length > 0 ? 0 : 1;
