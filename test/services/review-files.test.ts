import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ReviewDiffPage } from '../../src/services/shapes/review-files.ts';
import { claim, doTask, pushFiles, pushResolution, registerAgent, submit } from '../support/agent.ts';
import { git } from '../support/git.ts';
import {
  filePages,
  handIn,
  linesOf,
  readDiff,
  readFiles,
  reviewAddress,
  tasksByFile,
} from '../support/review.ts';
import { startTestService } from '../support/service.ts';
import { addProject, applyPlan, type TestProject, type Work } from '../support/work.ts';

const ESCAPE = '\u001b[31mred';
const SCRIPT = '<script>alert(1)<';
const LATIN = Buffer.from([0x63, 0x61, 0x66, 0xe9]);

/** Lines of their numbers; every tenth one marked. */
function numbered(count: number, mark = ''): string {
  return Array.from({ length: count }, (_, at) => `line ${at + 1}${at % 10 === 5 ? mark : ''}\n`).join('');
}

const before = {
  'README.md': 'api\n',
  'edited.txt': numbered(10_000),
  'gone.txt': 'one\ntwo\n',
  'old.txt': numbered(20),
  'shared.txt': 'a\nb\nc\n',
};

/** Two tasks of one phase, in review; the second project is untouched. */
async function inReview(): Promise<{ api: TestProject; work: Work; id: string }> {
  const service = await startTestService();
  const api = await addProject(service, 'api', before);
  const web = await addProject(service, 'web');
  const work = await applyPlan(service, {
    projects: [web, api],
    phases: [{ key: 'build', tasks: ['login', 'logout'] }],
  });
  const agent = await registerAgent(service);
  await handIn(agent, 'login', 'api', async (worktree) => {
    const write = (name: string, content: string) => writeFile(path.join(worktree, name), content);
    await write('old.txt', before['old.txt'].replace('line 7\n', 'seven\n'));
    await write('shared.txt', 'A\nb\nc\n');
    await write('big.txt', numbered(10_000));
    await write('picture.bin', 'PNG\0\u0001');
    await write(SCRIPT, `<b onclick="alert(1)">\n${ESCAPE}\n`);
    await write(ESCAPE, 'x\n');
    await writeFile(Buffer.concat([Buffer.from(`${worktree}/`), LATIN]), 'latin\n');
  });
  await work.untilTask('build', 'login', 'completed');
  await handIn(agent, 'logout', 'api', async (worktree) => {
    await writeFile(path.join(worktree, 'shared.txt'), 'A\nb\nC\n');
    await writeFile(path.join(worktree, 'edited.txt'), numbered(10_000, '!'));
    await git(worktree, ['rm', '-q', 'gone.txt']);
    await git(worktree, ['mv', 'old.txt', 'new.txt']);
    const renamed = before['old.txt'].replace('line 7\nline 8\n', 'seven\neight\n');
    await writeFile(path.join(worktree, 'new.txt'), renamed);
  });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  return { api, work, id };
}

test('a review lists every changed file of every project with its totals and the tasks behind it, page by page', async () => {
  const { api, work, id } = await inReview();
  const { digest, heads, base } = await work.review('phase', id);
  const all = await readFiles(work, 'phase', id);

  expect(all).toMatchObject({ id, kind: 'phase', digest, round: 1, since: null, next: null });
  expect(all.projects).toEqual([
    {
      project: 'api',
      from: base['api'],
      to: heads['api'],
      includesBase: false,
      files: 9,
      additions: 11_008,
      deletions: 1_006,
    },
    { project: 'web', from: null, to: null, includesBase: false, files: 0, additions: 0, deletions: 0 },
  ]);
  expect(tasksByFile(all.files)).toEqual({
    '"\\033[31mred"': ['login'],
    [SCRIPT]: ['login'],
    'big.txt': ['login'],
    '"caf\\351"': ['login'],
    'edited.txt': ['logout'],
    'gone.txt': ['logout'],
    'new.txt': ['login', 'logout'],
    'picture.bin': ['login'],
    'shared.txt': ['login', 'logout'],
  });
  const [login, logout] = (await work.phase('build')).tasks;
  expect(all.files.find((file) => file.path === 'new.txt')).toEqual({
    project: 'api',
    path: 'new.txt',
    oldPath: 'old.txt',
    status: 'renamed',
    oldMode: '100644',
    newMode: '100644',
    oldBlob: await git(api.hub, ['rev-parse', `${base['api']}:old.txt`]),
    newBlob: await git(api.hub, ['rev-parse', `${heads['api']}:new.txt`]),
    additions: 2,
    deletions: 2,
    binary: false,
    submodule: false,
    tasks: [login, logout].map((task) => ({ id: task?.id, key: task?.key, title: task?.title })),
  });
  expect(all.files.find((file) => file.path === 'picture.bin')).toMatchObject({
    binary: true,
    additions: null,
  });

  const pages = await filePages(work, 'phase', id, 4);
  expect(pages.map(({ files }) => files.length)).toEqual([4, 4, 1]);
  expect(pages.flatMap(({ files }) => files)).toEqual(all.files);
  for (const { projects } of pages) expect(projects).toEqual(all.projects);

  expect((await readFiles(work, 'phase', id, { project: 'web' })).files).toEqual([]);
  expect((await readFiles(work, 'phase', id, { project: 'api' })).files).toEqual(all.files);
});

test('the lines of a file are read by the printed name, and what has no lines says so', async () => {
  const { work, id } = await inReview();
  const read = (name: string) => readDiff(work, 'phase', id, { project: 'api', path: name });

  const renamed = await read('new.txt');
  expect(renamed).toMatchObject({ oldPath: 'old.txt', status: 'renamed', next: null });
  expect(renamed.diff).toMatchObject({
    kind: 'text',
    encoding: 'utf-8',
    totalLines: 10,
    hunks: [{ oldStart: 4, oldLines: 8, newStart: 4, newLines: 8, continued: false }],
  });
  expect(linesOf(renamed)).toEqual([
    ...[4, 5, 6].map((at) => ` line ${at}`),
    '-line 7',
    '-line 8',
    '+seven',
    '+eight',
    ...[9, 10, 11].map((at) => ` line ${at}`),
  ]);
  expect((await read('picture.bin')).diff).toEqual({ kind: 'binary', oldSize: null, newSize: 5 });
  expect(linesOf(await read('"caf\\351"'))).toEqual(['+latin']);
  expect(linesOf(await read('gone.txt'))).toEqual(['-one', '-two']);
  expect(linesOf(await read('shared.txt'))).toEqual(['-a', '+A', ' b', '-c', '+C']);
  const narrow = await readDiff(work, 'phase', id, { project: 'api', path: 'shared.txt', context: 0 });
  expect(linesOf(narrow)).toEqual(['-a', '+A', '-c', '+C']);
});

test('markup and escapes in names and lines come as they are, as JSON that no browser takes for a page', async () => {
  const { work, id } = await inReview();
  const list = await work.service.call('viewer', 'GET', reviewAddress('phase', id, 'files'));
  const shown = await work.service.call(
    'viewer',
    'GET',
    reviewAddress('phase', id, 'diff', { project: 'api', path: SCRIPT }),
  );
  for (const { headers } of [list, shown]) {
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
  const text = await list.text();
  expect(text).toContain(JSON.stringify(SCRIPT));
  expect(text).not.toMatch(/[\u0000-\u001f]/);
  const page = (await shown.json()) as ReviewDiffPage;
  expect(page.path).toBe(SCRIPT);
  expect(linesOf(page)).toEqual(['+<b onclick="alert(1)">', `+${ESCAPE}`]);
});

test.each([
  { name: 'big.txt', why: 'one hunk of 10,000 lines', lines: 10_000 },
  { name: 'edited.txt', why: 'a thousand hunks', lines: 8_000 },
])('the pages of a long diff, put together, are the whole of it: $why', async ({ name, lines }) => {
  const { api, work, id } = await inReview();
  const { heads, base } = await work.review('phase', id);
  const read: string[] = [];
  for (let after: string | null | undefined; after !== null;) {
    const page = await readDiff(work, 'phase', id, {
      project: 'api',
      path: name,
      limit: 997,
      ...(after === undefined ? {} : { after }),
    });
    if (page.diff.kind !== 'text') throw new Error('not text');
    const [first] = page.diff.hunks;
    expect(first?.continued).toBe(first !== undefined && read.length > 0 && !startsHunk(first));
    for (const hunk of page.diff.hunks) expectOwnNumbers(hunk);
    expect(linesOf(page).length).toBe(Math.min(997, lines - read.length));
    expect(page.diff.totalLines).toBe(lines);
    read.push(...linesOf(page));
    after = page.next;
  }
  const whole = await git(api.hub, ['diff', '--unified=3', `${base['api']}`, `${heads['api']}`, '--', name]);
  const body = whole.split('\n').slice(whole.split('\n').findIndex((line) => line.startsWith('@@')));
  expect(read).toEqual(body.filter((line) => !line.startsWith('@@')));
});

type Text = Extract<ReviewDiffPage['diff'], { kind: 'text' }>;

/** In these files a hunk begins with three lines of context, of which the first has the number of a hunk's start. */
function startsHunk({ lines, oldStart }: Text['hunks'][number]): boolean {
  return lines[0]?.kind === 'context' && oldStart % 10 === 3;
}

function expectOwnNumbers({ lines, oldStart, oldLines, newStart, newLines }: Text['hunks'][number]): void {
  const old = lines.flatMap((line) => line.old ?? []);
  const now = lines.flatMap((line) => line.new ?? []);
  expect([old.length, now.length]).toEqual([oldLines, newLines]);
  if (oldLines > 0) expect([old[0], old.at(-1)]).toEqual([oldStart, oldStart + oldLines - 1]);
  if (newLines > 0) expect([now[0], now.at(-1)]).toEqual([newStart, newStart + newLines - 1]);
  expect(lines.every((line) => line.text.startsWith(`line ${line.new ?? line.old}`))).toBe(true);
}

test('a submodule, a file that is too large and bytes that are no text are shown as what they are', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const work = await applyPlan(service, { projects: [api], phases: [{ key: 'build', tasks: ['login'] }] });
  const commit = 'c'.repeat(40);
  await handIn(await registerAgent(service), 'login', 'api', async (worktree) => {
    await mkdir(path.join(worktree, 'module'));
    await git(worktree, ['update-index', '--add', '--cacheinfo', `160000,${commit},module`]);
    await writeFile(path.join(worktree, 'huge.txt'), `${'x'.repeat(1_023)}\n`.repeat(5 * 1_024 + 1));
    await writeFile(path.join(worktree, 'latin.txt'), LATIN);
  });
  const { id } = await work.untilPhase('build', 'pending_review.open');
  const read = (name: string) => readDiff(work, 'phase', id, { project: 'api', path: name });

  const submodule = await read('module');
  expect(submodule).toMatchObject({ submodule: true, additions: null, newBlob: commit, next: null });
  expect(submodule.diff).toEqual({ kind: 'submodule', old: null, new: commit });
  const huge = await read('huge.txt');
  expect(huge.diff).toEqual({ kind: 'too_large', oldSize: null, newSize: 5 * 1_024 * 1_024 + 1_024 });
  expect(huge).toMatchObject({ additions: 5 * 1_024 + 1, next: null });
  const latin = await read('latin.txt');
  expect(latin.diff).toMatchObject({
    encoding: 'unknown',
    hunks: [{ lines: [{ text: 'caf\u{fffd}', noNewline: true }] }],
  });
});

test('the review of a task shows what it handed in, and is behind all of it', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api');
  const web = await addProject(service, 'web');
  const work = await applyPlan(service, {
    projects: [api, web],
    phases: [{ key: 'build', tasks: [{ key: 'login', needsReview: true }, 'other'] }],
  });
  const agent = await registerAgent(service);
  await doTask(agent, 'login', { web: { 'login.ts': 'in\n' } });
  await doTask(agent, 'other', { web: { 'other.ts': 'not mine\n' } });
  await work.untilTask('build', 'other', 'completed');
  const { id } = await work.untilTask('build', 'login', 'pending_review');

  const { files, projects } = await readFiles(work, 'task', id);
  expect(tasksByFile(files)).toEqual({ 'login.ts': ['login'] });
  expect(projects.map(({ project, files: count }) => [project, count])).toEqual([
    ['api', 0],
    ['web', 1],
  ]);
  const page = await readDiff(work, 'task', id, { project: 'web', path: 'login.ts' });
  expect(linesOf(page)).toEqual(['+in']);
});

test('the review of an initiative has the tasks of its phases behind each file, but not those of a phase that never came there', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': numbered(30) });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      { key: 'build', tasks: ['login'] },
      { key: 'extra', tasks: ['dropped'] },
      { key: 'polish', dependsOn: ['build'], tasks: ['shine'] },
    ],
  });
  const agent = await registerAgent(service);
  await doTask(agent, 'login', { api: { 'shared.txt': `first\n${numbered(30)}`, 'login.ts': 'in\n' } });
  await doTask(agent, 'dropped', { api: { 'shared.txt': `${numbered(30)}last\n` } });
  const extra = await work.untilPhase('extra', 'pending_review.open');
  await work.tell('phase', extra.id, 'phase.cancel');
  await work.approvePhase('build');
  await doTask(agent, 'shine', { api: { 'login.ts': 'in!\n', 'shine.ts': 'bright\n' } });
  await work.approvePhase('polish');
  await work.untilState('pending_review.open');

  const { files } = await readFiles(work, 'initiative', work.id);
  expect(tasksByFile(files)).toEqual({
    'login.ts': ['login', 'shine'],
    'shared.txt': ['login'],
    'shine.ts': ['shine'],
  });
  const page = await readDiff(work, 'initiative', work.id, { project: 'api', path: 'login.ts' });
  expect(linesOf(page)).toEqual(['+in!']);
});

test('behind a file that came with a merge task stands who wrote it, and the merge task behind what it changed itself', async () => {
  const service = await startTestService();
  const api = await addProject(service, 'api', { 'shared.txt': 'base\n' });
  const work = await applyPlan(service, {
    projects: [api],
    phases: [
      { key: 'one', tasks: ['left', 'right'] },
      { key: 'two', tasks: ['other'] },
    ],
  });
  const agents = [await registerAgent(service, 'a'), await registerAgent(service, 'b')] as const;
  const third = await registerAgent(service, 'c');
  const begun = { left: agents[0], right: agents[1], other: third };
  const claims = new Map<string, Awaited<ReturnType<typeof claim>>>();
  for (const [task, agent] of Object.entries(begun)) {
    const claimed = await claim(agent, task);
    await pushFiles(agent, claimed, { api: { 'shared.txt': `${task}\n`, [`${task}.txt`]: `${task}\n` } });
    claims.set(task, claimed);
  }
  const handInWork = async (task: keyof typeof begun) => {
    const claimed = claims.get(task);
    if (claimed !== undefined) await submit(begun[task], claimed);
  };
  const resolve = async (task: string) => {
    const merge = await claim(agents[0], task);
    await pushResolution(agents[0], merge, { api: { 'shared.txt': `as ${task} says\n` } });
    await submit(agents[0], merge);
  };

  await handInWork('left');
  await work.untilTask('one', 'left', 'completed');
  await handInWork('right');
  await resolve('merge-2-3');
  const { id } = await work.untilPhase('one', 'pending_review.open');
  expect(tasksByFile((await readFiles(work, 'phase', id)).files)).toEqual({
    'left.txt': ['left'],
    'right.txt': ['right'],
    'shared.txt': ['left', 'right', 'merge-2-3'],
  });

  await work.approvePhase('one');
  await work.untilPhase('one', 'completed');
  await handInWork('other');
  await work.approvePhase('two');
  await resolve('merge-2');
  await work.approvePhase('two');
  await work.untilState('pending_review.open');
  expect(tasksByFile((await readFiles(work, 'initiative', work.id)).files)).toEqual({
    'left.txt': ['left'],
    'other.txt': ['other'],
    'right.txt': ['right'],
    'shared.txt': ['left', 'right', 'merge-2-3', 'other', 'merge-2'],
  });
});
