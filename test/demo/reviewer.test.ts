import { describe, expect, test } from 'vitest';
import { createBoard, emptyBoard } from '../../src/board/board.ts';
import { boardView, type BoardView } from '../../src/board/board-view.ts';
import { Client, type DiffLine } from '../../src/demo/client.ts';
import { LateTask } from '../../src/demo/late-task.ts';
import { objectionsTo } from '../../src/demo/reading.ts';
import { Reviewer } from '../../src/demo/reviewer.ts';
import { expectShown } from '../../src/demo/shown.ts';
import type { Scope } from '../../src/services/shapes/token.ts';
import { claim, doTask, pushFiles, registerAgent, submit } from '../support/agent.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addProject, applyPlan, stateText, type Work } from '../support/work.ts';
import { startLenientService } from './lenient-service.ts';

const LATE = {
  phase: 'build',
  task: {
    key: 'limits',
    title: 'Limit it',
    description: '',
    dependsOn: [],
    priority: 50,
    projects: ['app'],
  },
};

interface Desk {
  readonly service: TestService;
  readonly work: Work;
  readonly client: Client;
  readonly reviewer: Reviewer;
  readonly said: string[];
  /** The board as the journal has it now. */
  readonly view: () => Promise<BoardView>;
}

/** The demo's reviewer at a service with one phase of one task. `addressOf` is where the reviewer finds the service. */
async function atDesk({
  addressOf = async (url) => url,
  late = LATE,
  mode = 'review_per_phase',
}: {
  readonly addressOf?: (url: string) => Promise<string>;
  readonly late?: typeof LATE;
  readonly mode?: 'review_per_phase' | 'yolo';
} = {}): Promise<Desk> {
  const service = await startTestService();
  const app = await addProject(service, 'app', { 'handbook.txt': 'a\nb\nc\n\nd\ne\n' });
  const work = await applyPlan(service, {
    mode,
    projects: [app],
    phases: [{ key: 'build', tasks: ['one'] }],
  });
  const address = await addressOf(service.url);
  const client = (scope: Scope): Client =>
    new Client(() => address, service.token(scope), AbortSignal.timeout(80_000));
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const reviewer = new Reviewer(client('reviewer'), new LateTask(client('operator'), late, say), say);
  const board = createBoard(emptyBoard(work.id));
  const viewer = client('viewer');
  const view = async (): Promise<BoardView> => {
    for (;;) {
      const entries = await viewer.journal(work.id, board.getSnapshot().context.cursor);
      if (entries.length === 0) break;
      board.trigger.fed({ entries });
    }
    board.trigger.named({ tree: await viewer.tree(work.id) });
    return boardView(board.getSnapshot().context);
  };
  return { service, work, client: viewer, reviewer, said, view };
}

/** The reviewer looks at the board until something is so. */
async function lookUntil({ reviewer, view }: Desk, what: string, fact: (view: BoardView) => boolean) {
  // What is thrown ends the test at once.
  let failure: unknown = null;
  await until(what, async () => {
    const seen = await view();
    await reviewer.look(seen).catch((error: unknown) => (failure = error));
    return failure !== null || fact(seen);
  });
  if (failure !== null) throw failure as Error;
}

function phaseIs(state: string): (view: BoardView) => boolean {
  return ({ phases }) => phases[0]?.state === state;
}

function hasTasks(count: number): (view: BoardView) => boolean {
  return ({ phases }) => phases[0]?.tasks.length === count;
}

describe('the reviewer of the demo', () => {
  test('comments on the lines that are open, has them finished by a revision, and approves the next round', async () => {
    const desk = await atDesk({ late: { ...LATE, phase: 'another' } });
    const { service, work, said, view } = desk;
    const agent = await registerAgent(service);
    await doTask(agent, 'one', { app: { 'handbook.txt': 'a\nb: TODO\nc: TODO\n\nd: TODO\ne: TODO\n' } });
    await lookUntil(desk, 'changes to be requested', hasTasks(2));

    const revision = await claim(agent, 'revision-1');
    expect(revision.comments.map(({ file, startLine, line }) => [file, startLine, line])).toEqual([
      ['handbook.txt', 2, 2],
      ['handbook.txt', 3, 3],
      ['handbook.txt', 5, 6],
    ]);
    await pushFiles(agent, revision, { app: { 'handbook.txt': 'a\nb\nc: so\n\nd: so\ne: so\n' } });
    await submit(agent, revision);
    await lookUntil(desk, 'the approval', phaseIs('completed'));

    expect((await work.phase('build')).round).toBe(2);
    expect(said.slice(0, 8)).toEqual([
      'the reviewer read the diff of build, round 1: 1 file',
      'the reviewer commented on handbook.txt of app, line 2: Please finish this.',
      'the reviewer commented on handbook.txt of app, line 3: The same here.',
      'the reviewer commented on handbook.txt of app, lines 5 to 6: The same here.',
      'the reviewer requested changes of build: an agent gets the 3 comments',
      'the reviewer read the diff of build, round 2: 1 file, new since then',
      'the 3 comments on build are answered: "changed as asked"',
      'the reviewer approved build in round 2',
    ]);
    const yolo = boardView(emptyBoard(''));
    const shown = { views: [await view(), { ...yolo, initiative: (await view()).initiative }] as const };
    await expectShown({ ...shown, client: desk.client, refusals: 1 });
    await expect(expectShown({ ...shown, client: desk.client, refusals: 0 })).rejects.toThrow(
      'no approval was refused',
    );
  });

  test('is refused when commits came after what it read, says which, and approves when it has read them', async () => {
    const desk = await atDesk();
    const { service, work, reviewer, said, view, client } = desk;
    const agent = await registerAgent(service);
    await doTask(agent, 'one', { app: { 'one.txt': '1\n' } });
    await lookUntil(desk, 'the late task', hasTasks(2));
    const { heads } = await doTask(agent, 'limits', { app: { 'limits.txt': 'l\n' } });
    await lookUntil(desk, 'the approval', phaseIs('completed'));

    expect(reviewer.refusals).toBe(1);
    // It may have looked at the delivery already.
    expect(said.slice(0, 7)).toEqual([
      'the reviewer read the diff of build, round 1: 1 file',
      'while the reviewer reads build, the operator adds the task build/limits',
      'the approval of build was refused (heads_not_served): these commits came after it was read',
      expect.stringMatching(/^ {2}app [0-9a-f]{8} Merge task goal\/build\/limits$/u),
      `  app ${heads['app']?.slice(0, 8)} Limit it`,
      'the reviewer read the diff of build, round 1: 1 file, new since then',
      'the reviewer approved build',
    ]);
    const approvals = (await work.journal('phase', (await work.phase('build')).id)).filter(
      ({ type }) => type === 'phase.approve',
    );
    expect(approvals).toHaveLength(1);
    const only = await view();
    await expect(expectShown({ views: [only, only], client, refusals: 1 })).rejects.toThrow(
      'no changes were requested',
    );
  });

  test('ends the demo when an approval is taken although commits came after what it read', async () => {
    const desk = await atDesk({ addressOf: startLenientService });
    const agent = await registerAgent(desk.service);
    await doTask(agent, 'one', { app: { 'one.txt': '1\n' } });
    await lookUntil(desk, 'the late task', hasTasks(2));
    await doTask(agent, 'limits', { app: { 'limits.txt': 'l\n' } });

    await expect(lookUntil(desk, 'the approval', () => false)).rejects.toThrow(
      'the approval of build was taken, although commits came after it was read',
    );
  });

  test('approves the delivery of an initiative in mode yolo once, and none of its phases', async () => {
    const desk = await atDesk({ mode: 'yolo' });
    await doTask(await registerAgent(desk.service), 'one', { app: { 'one.txt': '1: TODO\n' } });
    await lookUntil(desk, 'the delivery', ({ initiative }) => initiative?.state === 'completed');
    expect(desk.said).toEqual(['the reviewer approved the delivery of goal']);
    const phase = await desk.work.phase('build');
    expect(stateText(phase.state)).toBe('completed');
    expect((await desk.work.journal('phase', phase.id)).map(({ type }) => type)).not.toContain(
      'phase.approve',
    );
  });
});

test('an objection is on a line that was added, never on one that was there before', () => {
  const line = (kind: DiffLine['kind'], at: number, text: string): DiffLine => ({
    kind,
    new: kind === 'deleted' ? null : at,
    text,
  });
  const lines = [
    line('context', 1, 'old: TODO'),
    line('deleted', 2, 'gone: TODO'),
    line('added', 2, 'a TODO in the middle'),
    line('added', 3, 'TODO'),
  ];
  expect(objectionsTo({ project: 'app', path: 'f' }, lines)).toEqual([
    expect.objectContaining({ project: 'app', file: 'f', startLine: null, line: 3 }),
  ]);
});
