import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { commandBlocks, fences, firstLine, readDocument, root } from './markdown.ts';
import { git, runShell, startService, type RunningService } from './walk-through.ts';

const readme = await readDocument('README.md');
const blocks = commandBlocks(readme);

/** Who runs each command block of the README, by its first line: `.ci/run`, or the walk-through below. */
const runBy: Readonly<Record<string, '.ci/run' | 'service' | 'walk-through'>> = {
  'npm ci && npm run demo': '.ci/run',
  'npm ci && npm test': '.ci/run',
  'npm start': 'service',
  'repo=$PWD': 'walk-through',
  "cat >plan.yaml <<'END'": 'walk-through',
  'SIGNALBOX_TOKEN=$(post /v1/tokens \'{"name":"my agent","scope":"agent"}\' | field .token)': 'walk-through',
  'until get "/v1/initiatives/$initiative/review" >review.json && grep -q \'"digest"\' review.json; do sleep 1; done':
    'walk-through',
  'until git ls-remote --exit-code "$repo" refs/heads/signalbox/hello; do sleep 1; done': 'walk-through',
};

const blocksOf = (runner: string) => blocks.filter((block) => runBy[firstLine(block)] === runner);

describe('the README', () => {
  it('has at most 120 lines', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(120);
  });

  it('has no command block that nobody runs', () => {
    expect(blocks.map(firstLine)).toEqual(Object.keys(runBy));
  });

  it('has no block but of commands: one of another kind would be run by nobody', () => {
    expect(fences(readme)).toEqual(blocks.flatMap(() => ['```sh', '```']));
  });

  it('has no comments in its commands, which zsh would run when they are pasted', () => {
    const commands = blocks.map((block) => block.replace(/<<'END'.*?^END$/gms, '')).join('\n');
    expect(commands).not.toMatch(/(^|\s)#/m);
  });

  it('has blocks that CI runs as they stand', async () => {
    const ci = await readDocument('.ci/run');
    for (const command of blocksOf('.ci/run').flatMap((block) => block.trim().split(' && ')))
      expect(ci).toContain(command);
  });

  it('starts the service by the command that the walk-through starts', async () => {
    const { scripts } = JSON.parse(await readDocument('package.json')) as { scripts: Record<string, string> };
    expect(blocksOf('service')).toEqual(['npm start\n']);
    expect(scripts['start']).toBe('node scripts/run.mjs start');
  });
});

describe('the walk-through of the README', () => {
  let folder: string;
  let database: TestDatabase;
  let service: RunningService;

  beforeAll(async () => {
    // A checkout with a history of its own stands for the clone that the reader works in.
    folder = await mkdtemp(path.join(tmpdir(), 'signalbox-readme-'));
    await cp(path.join(root, 'examples'), path.join(folder, 'examples'), { recursive: true });
    await git(folder, 'init', '--quiet', '--initial-branch=main');
    await git(folder, 'add', 'examples');
    await git(
      folder,
      '-c',
      'user.name=Reader',
      '-c',
      'user.email=reader@localhost',
      'commit',
      '--quiet',
      '-m',
      'Begin',
    );
    database = await createTestDatabase();
    service = await startService(folder, database.url);
  });

  afterAll(async () => {
    await service?.stop();
    await database?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it(
    'ends with the branch it promises, in the repository it names',
    { timeout: 90_000 },
    async ({ signal }) => {
      const script = blocksOf('walk-through').join('\n').replaceAll('http://127.0.0.1:4410', service.url);
      const { code, output } = await runShell(
        folder,
        script,
        // Sooner than the test's own end, so that the failure shows what was said.
        AbortSignal.any([signal, AbortSignal.timeout(75_000)]),
      );
      expect({ code, output }).toMatchObject({ code: 0 });

      const files = await git(folder, 'ls-tree', '--name-only', 'signalbox/hello');
      expect(files.split('\n')).toEqual(['examples', 'farewell.txt', 'greeting.txt', '']);
      expect(await git(folder, 'show', 'signalbox/hello:greeting.txt')).toContain('Write a greeting');
      // What the reader is shown before approving is what was delivered.
      expect(output).toMatch(/2 files changed/);
      const review = JSON.parse(await readFile(path.join(folder, 'review.json'), 'utf8')) as {
        heads: { mine: string };
      };
      expect((await git(folder, 'rev-parse', 'signalbox/hello')).trim()).toBe(review.heads.mine);
    },
  );
});
