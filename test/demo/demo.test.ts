import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, type TestContext } from 'vitest';
import { FEWEST_TASKS, type Sabotage } from '../../src/demo/options.ts';
import { prove } from '../../src/demo/proof.ts';
import { removeRunFolder } from '../../src/demo/run-folder.ts';
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { Delivered, git } from './delivered.ts';
import { type KeptRun, readKeptRun } from './kept-run.ts';
import { type DemoEnd, runDemoProcess } from './running-demo.ts';

/** A run takes three quarters of a minute; two cores that do other work as well take longer. */
const RUN_MS = 300_000;

let own: Delivered;
const folders: string[] = [];

beforeEach(() => {
  own = new Delivered();
});

afterEach(async () => {
  own[Symbol.dispose]();
  for (const folder of folders.splice(0)) await removeRunFolder(folder);
});

async function spoiledRun(
  how: Sabotage,
  { signal }: TestContext,
  { args = [], env = {}, hear }: Wanted = {},
): Promise<Spoiled> {
  const shared = ['--sabotage', how, '--keep', '--tasks', String(FEWEST_TASKS)];
  const end = await runDemoProcess([...shared, ...args], env, signal, hear);
  const spoiled = /: spoiled (?<branch>\S+) of (?<project>\S+)$/mu.exec(end.said)?.groups ?? {};
  if (end.folder === null) throw new Error(`the demo kept nothing:\n${end.said}`);
  folders.push(end.folder);
  return { ...end, folder: end.folder, project: spoiled['project'] ?? '', branch: spoiled['branch'] ?? '' };
}

interface Wanted {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly hear?: (said: string) => void;
}

interface Spoiled extends DemoEnd {
  readonly folder: string;
  readonly project: string;
  readonly branch: string;
}

/** Takes the sabotage back with one ref of one remote, and proves again from what the run kept. */
async function provenAfterRepair({ folder, project, branch }: Spoiled): Promise<string> {
  const remote = (key: string): string => join(folder, 'remotes', `${key}.git`);
  // What was delivered is below the spoiled commit, or nothing names it any more.
  const dangling = git(remote(project), 'fsck', '--no-reflogs', '--no-progress').match(
    /(?<=^dangling commit )\w+/mu,
  );
  git(remote(project), 'update-ref', `refs/heads/${branch}`, dangling?.[0] ?? `refs/heads/${branch}^`);
  const seed = '';
  const { line, faults } = await prove(join(folder, 'plan-keys'), join(folder, 'ledgers'), [
    {
      key: 'app',
      remote: remote('app'),
      branch: git(remote('app'), 'symbolic-ref', '--short', 'HEAD'),
      seed,
    },
    { key: 'lib', remote: remote('lib'), branch: 'signalbox/demo', seed },
  ]);
  return `${faults}${line}`;
}

function expectSpoiled({ lines, said, code }: DemoEnd): void {
  for (const happening of HAPPENINGS) expect(said).toMatch(happening);
  expect(lines.at(-3), said).toMatch(/^seed \d+, \d+ s \(goal: under 120 s\)$/u);
  expect(lines.at(-2), said).toMatch(/^survived: [2-9] kills, [1-9] landings resumed$/u);
  expect(lines.at(-1), said).toMatch(
    /^NOT proven: \d+ commits recorded, \d+ lost, \d+ faults, the first above$/u,
  );
  expect(code).toBe(1);
}

/** Nine planned tasks, one added late, three chores; a merge task and a revision or more beside them. */
const PROVEN = /^proven: 2 projects, 5 phases, (1[5-9]|2\d) tasks, \d+ commits delivered, 0 lost$/u;

const SHORT = '[0-9a-f]{8}';
const HAPPENINGS: readonly RegExp[] = [
  /^the reviewer read the diff of docs, round 1: \d+ files$/mu,
  /^the reviewer commented on signalbox-demo\/handbook\.txt of app, line 2: .+$/mu,
  /^the reviewer commented on signalbox-demo\/handbook\.txt of app, lines 4 to 5: .+$/mu,
  /^the reviewer requested changes of docs: an agent gets the 2 comments$/mu,
  /^demo\/docs\/revision-1 +in_progress\.working \(\w+, attempt \d\)$/mu,
  /^the 2 comments on docs are answered: ".+"$/mu,
  /^the reviewer approved docs in round 2$/mu,
  /^while the reviewer reads service, the operator adds the task service\/limits$/mu,
  new RegExp(
    `^the approval of service was refused \\(heads_not_served\\): these commits came after it was read\n {2}app ${SHORT} `,
    'mu',
  ),
  /^the reviewer approved service$/mu,
  /^chores\/tidy was merged without asking anybody$/mu,
  /^the reviewer approved the delivery of chores$/mu,
  /^the reviewer approved the delivery of demo$/mu,
];

// The third way to spoil a delivery, a dropped commit, is found in `sabotage.test.ts` like these two: a run takes most of a minute.
describe('the demo', () => {
  let canary: TestDatabase;

  beforeEach(async () => {
    canary = await createTestDatabase();
    return () => canary.close();
  });

  test(
    'finds a project that was left out, prints an address that opens the inspector, and takes no settings of the user for its own',
    async (context) => {
      const inspected: StatelyInspectionEvent[] = [];
      let address: string | undefined;
      const hear = (said: string): void => {
        if (address !== undefined) return;
        address = /inspector: (ws:\S+)\n/u.exec(said)?.[1];
        if (address !== undefined)
          createWebSocketReceiver({ server: address }).subscribe((event) => inspected.push(event));
      };
      const before = await contentOf(canary);
      const data = join(own.root, 'data');
      writeFileSync(join(own.root, '.gitconfig'), '[safe]\n\tbareRepository = explicit\n');
      const spoiled = await spoiledRun('skip-project', context, {
        args: ['--inspect'],
        hear,
        env: {
          HOME: own.root,
          DATABASE_URL: canary.url,
          PGDATABASE: 'canary',
          PGPORT: '1',
          SIGNALBOX_DATA: data,
          SIGNALBOX_PORT: '1',
          SIGNALBOX_TOKEN: 'canary',
          SIGNALBOX_AGENT_LEASE_SECONDS: '86400',
          SIGNALBOX_NO_SUCH_SETTING: 'canary',
        },
      });
      expect(inspected[0]).toMatchObject({ type: '@xstate.actor', name: 'initiative' });
      expectSpoiled(spoiled);
      expect(await contentOf(canary)).toEqual(before);
      expect(existsSync(data)).toBe(false);
      expect(await provenAfterRepair(spoiled)).toMatch(PROVEN);
      expectJournaled(await readKeptRun(spoiled.folder, context.signal));
    },
    RUN_MS,
  );

  test(
    'finds a project that landed without its content, and never writes to the repository that it was given',
    async (context) => {
      const repository = join(own.root, 'mine');
      git(own.root, 'init', '--quiet', '--initial-branch=trunk', repository);
      writeFileSync(join(repository, 'file'), 'mine\n');
      writeFileSync(join(repository, '.gitignore'), '*.txt\n');
      git(repository, 'add', '--all');
      git(repository, 'commit', '--quiet', '--message=mine');
      git(repository, 'tag', 'v1');
      const before = filesOf(repository);
      const spoiled = await spoiledRun('half-land', context, { args: ['--repo', repository] });
      expectSpoiled(spoiled);
      expect(filesOf(repository)).toEqual(before);
      expect(git(join(spoiled.folder, 'remotes', 'app.git'), 'rev-parse', 'v1')).toBe(
        git(repository, 'rev-parse', 'v1'),
      );
      expect(await provenAfterRepair(spoiled)).toMatch(PROVEN);
    },
    RUN_MS,
  );
});

/** The service itself says that what the output told has happened. */
function expectJournaled({ trees, journal, comments }: KeptRun): void {
  const phases = trees.flatMap((tree) => tree.phases.map((phase) => ({ mode: tree.mode, ...phase })));
  expect(phases.map(({ key, mode, round, state }) => [key, mode, round, state])).toEqual(
    expect.arrayContaining([
      ['foundation', 'review_per_phase', 1, 'completed'],
      ['service', 'review_per_phase', 1, 'completed'],
      ['docs', 'review_per_phase', 2, 'completed'],
      ['tidy', 'yolo', 1, 'completed'],
      ['upkeep', 'yolo', 1, 'completed'],
    ]),
  );
  const decisions = (key: string): string[] => {
    const id = phases.find((phase) => phase.key === key)?.id;
    const accepted = journal.filter(({ actorId, outcome }) => actorId === id && outcome === 'accepted');
    return accepted
      .filter(({ type }) => /^phase\.(approve|requestChanges|addTask)$/u.test(type))
      .map(({ type, principal }) => `${type} by ${principal}`);
  };
  expect(decisions('docs')).toEqual([
    'phase.requestChanges by demo reviewer',
    'phase.approve by demo reviewer',
  ]);
  // The approval of what had been overtaken left nothing behind.
  expect(decisions('service')).toEqual(['phase.addTask by demo operator', 'phase.approve by demo reviewer']);
  expect([decisions('tidy'), decisions('upkeep')]).toEqual([[], []]);
  expect(
    comments.map(({ file, startLine, line, state, replies }) => [
      `${file}:${startLine}-${line}`,
      state,
      replies.map(({ kind }) => kind),
    ]),
  ).toEqual([
    ['signalbox-demo/handbook.txt:2-2', 'addressed', ['fixed']],
    ['signalbox-demo/handbook.txt:4-5', 'addressed', ['fixed']],
  ]);
  const revisions = phases.flatMap(({ tasks }) => tasks.filter(({ category }) => category === 'review'));
  expect(revisions.map(({ key, state }) => [key, state])).toEqual([['revision-1', 'completed']]);
}

/** A checksum of each file, those of git included. */
function filesOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path, createHash('sha256').update(readFileSync(path)).digest('hex')];
    }),
  );
}

/** All rows of all tables. */
async function contentOf({ sql }: TestDatabase): Promise<Record<string, string>> {
  const { rows: tables } = await sql.query<{ name: string }>(
    `SELECT quote_ident(schemaname) || '.' || quote_ident(relname) AS name FROM pg_stat_user_tables ORDER BY 1`,
  );
  const content: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await sql.query<{ content: string }>(
      `SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') AS content FROM ${name} t`,
    );
    content[name] = rows[0]?.content ?? '';
  }
  return content;
}
