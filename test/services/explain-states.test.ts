import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type AnyEventObject, type AnyMachineSnapshot } from 'xstate';
import { InertScope } from '../../src/actors/scope.ts';
import { type App, createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { openDataFolder } from '../../src/db/data-folder.ts';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import type { StateOutline } from '../../src/machines/machine-definition.ts';
import { toDefinition } from '../../src/machines/mermaid.ts';
import { type Explanation, explanationSchema } from '../../src/services/shapes/explanation.ts';
import { TokenService } from '../../src/services/tokens.ts';
import { explore, type Node, pathOf } from '../machines/explore.ts';
import { AGENT } from '../machines/family/people.ts';
import { isTransient, leavesOf, type Leaf } from '../machines/leaf-states.ts';
import { SPACES } from '../machines/spaces.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { Gates } from '../support/gates.ts';
import { PlacedFamily } from '../support/placed-family.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 240_000 });

const HUMAN = ['admin', 'operator', 'reviewer'];
/** These lead to `blocked`, and what it depends on is told before. */
const ASIDE = ['draft', 'deferred', 'held', 'failed'];
/** How many ways into a state are taken, with contexts of their own. */
const WAYS = 4;
/** So many nodes have every state among them; a state that is not among them fails its test. */
const ENOUGH = 8_000;
const [BEFORE, ENTRY, LATER] = [
  '2026-05-01T10:00:00.000Z',
  '2026-05-01T10:10:00.000Z',
  '2026-05-01T10:20:00.000Z',
];

let database: TestDatabase;
let app: App;
let folder: string;
let token: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'signalbox-explain-'));
  database = await createTestDatabase();
  const principal = { tokenId: AGENT, name: 'test', scope: 'admin' as const };
  const issued = await new TokenService(database.sql).issue(
    { name: 'viewer', scope: 'viewer' },
    { principal, request: null },
  );
  token = issued.answer.token ?? '';
  await database.sql.query('INSERT INTO agent (id, token_id, name) VALUES ($1, $1, $2)', [AGENT, 'robot']);
  // Never started: what a state waits for stays undone, and only the answers are asked for.
  app = await createApp({
    config: readConfig({ SIGNALBOX_LOG_LEVEL: 'silent' }),
    database: { ...database, migrate: async () => undefined },
    dataFolder: await openDataFolder(folder),
    boundary: new Gates().boundary,
    log: pino({ level: 'silent' }),
    publicUrl: () => 'http://127.0.0.1',
  });
});
afterAll(async () => {
  await app.server.close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

/** The database's clock stands still at that time. */
async function clockAt(time: string): Promise<void> {
  await database.sql.query(
    `CREATE OR REPLACE FUNCTION db_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT timestamptz ''${time}'''`,
  );
}

async function ask({ kind, id }: PlacedFamily): Promise<Explanation> {
  const answer = await app.server.inject({
    url: `/v1/${kind === 'phase' ? 'phases' : `${kind}s`}/${id}/explain`,
    headers: { authorization: `Bearer ${token}`, host: '127.0.0.1' },
  });
  expect(answer.statusCode, answer.body).toBe(200);
  return explanationSchema.parse(answer.json());
}

/** A way into a state: from a snapshot elsewhere by an event, or as it begins. */
interface Way {
  readonly from: AnyMachineSnapshot;
  readonly event: AnyEventObject | null;
}

function waysInto(nodes: readonly Node[], leaf: Leaf, starts: readonly AnyMachineSnapshot[]): Way[] {
  const entries = nodes.flatMap((node) =>
    node.edges
      .filter((edge) => edge.path === leaf.path && node.path !== leaf.path)
      .map((edge) => ({
        from: node.snapshot,
        event: edge.sent,
        how: `${node.path} ${edge.event} ${edge.key}`,
      })),
  );
  const different = [...new Map(entries.map((entry) => [entry.how, entry])).values()];
  const step = Math.max(1, Math.floor(different.length / WAYS));
  // A start knows its effects no more: those states are entered by an event.
  const isStart = leaf.line.every(({ invoke }) => invoke === undefined);
  return [
    ...starts
      .filter(({ value }) => isStart && pathOf(value) === leaf.path)
      .map((from) => ({ from, event: null })),
    ...different.filter((_, index) => index % step === 0).slice(0, WAYS),
  ];
}

const isNonEmpty = (value: unknown) => Array.isArray(value) && value.length > 0;

/** The space tells every task what only merge tasks are told. */
const comes = (type: string, { conflictOf }: { conflictOf?: unknown }) =>
  type !== 'conflict.dropped' || conflictOf !== null;

describe.each(machineDefinitions)('of each state of the $name machine', ({ name, machine, events }) => {
  const space = SPACES[name];
  const machineScope = new InertScope(machine);
  let nodes: readonly Node[];
  beforeAll(() => {
    nodes = [...explore(space, ENOUGH).values()];
  });
  const leaves = leavesOf(toDefinition(machine)).filter((leaf) => !isTransient(leaf));

  /** The events of the space that the machine takes in this snapshot, and where they lead. */
  const takenIn = (snapshot: AnyMachineSnapshot) =>
    space
      .events(snapshot)
      .filter((event) => machineScope.isEnabled(snapshot, event))
      .map((event) => {
        const leads = machineScope.transitionsFor(snapshot, event).some(({ reenter }) => reenter);
        const next = machineScope.transition(snapshot, event).snapshot;
        return { event, leaves: leads || pathOf(next.value) !== pathOf(snapshot.value) };
      });

  test.each(leaves)('explains $path', async (leaf) => {
    const ways = waysInto(nodes, leaf, space.starts);
    expect(ways.length).toBeGreaterThan(0);
    for (const { from, event } of ways) {
      await database.sql.query('DELETE FROM lease');
      await clockAt(event === null ? ENTRY : BEFORE);
      const family = await PlacedFamily.place(database.sql, name, from);
      await clockAt(ENTRY);
      if (event !== null) await family.take(event);
      await family.arrange();
      const told = takenIn(family.snapshot);
      const said = await ask(family);

      expectWhere(said, leaf, family);
      expect(said.since).toBe(ENTRY);
      expectMoves(said, told, family);
      await expectWaits(said, leaf, family);
      expectPerson(said, family);
      expectRecorded(said, family);

      const staying = told.filter(({ leaves: away }) => !away);
      const stays = staying.find(({ event: { dependsOn } }) => isNonEmpty(dependsOn)) ?? staying[0];
      if (stays === undefined) continue;
      await clockAt(LATER);
      await family.take(stays.event);
      const later = await ask(family);
      expect(later.since, `after ${stays.event.type}`).toBe(ENTRY);
      expectDependencies(later, leaf, family);
      // What changes nothing to be seen yet is said to be recorded.
      for (const { event: asked } of staying.filter(({ event: { type } }) =>
        /\.(cancel|pause)$/.test(type),
      )) {
        await family.take(asked);
        expectRecorded(await ask(family), family, asked.type);
      }
    }
  });

  function expectWhere(said: Explanation, leaf: Leaf, { id, key, snapshot }: PlacedFamily) {
    const sentence = leaf.line
      .map(({ description }) => description ?? expect.fail('a state says nothing'))
      .join(' ');
    expect(said).toMatchObject({ id, kind: name, key, path: leaf.path, state: snapshot.value, sentence });
    expect(said.tags).toEqual([...snapshot.tags].toSorted());
    expect(said.settled).toBe(snapshot.hasTag('settled'));
  }

  function expectMoves(
    { moves, settled }: Explanation,
    told: ReturnType<typeof takenIn>,
    { snapshot }: PlacedFamily,
  ) {
    const context = snapshot.context as { conflictOf?: unknown };
    const sendersOf = (type: string): readonly string[] => events[type]?.senders ?? [];
    const isHuman = (type: string) => sendersOf(type).some((sender) => HUMAN.includes(sender));
    const people = moves.filter(({ kind }) => kind === 'event');
    const expected = new Set(told.map(({ event: { type } }) => type).filter(isHuman));
    expect(people.map(({ event }) => event ?? '').toSorted()).toEqual([...expected].toSorted());
    for (const { event, by, what } of people) {
      expect(by).toEqual(HUMAN.filter((scope) => sendersOf(event ?? '').includes(scope)));
      expect(what).toBe(events[event ?? '']?.description);
    }
    if (settled) return expect(moves).toEqual([]);

    // Whatever else leads out of the state is told too, and comes by itself or from an agent.
    const others = new Set(
      told
        .filter(({ event: { type }, leaves: away }) => away && !isHuman(type) && comes(type, context))
        .map(({ event: { type } }) => type),
    );
    const named = moves.filter(({ kind }) => ['message', 'agent', 'lease'].includes(kind));
    expect(named.map(({ event }) => event)).toEqual(expect.arrayContaining([...others]));
    for (const { kind, event, by } of named) {
      expect(sendersOf(event ?? '')).toEqual([kind === 'message' ? 'message' : 'service']);
      expect(by).toEqual(kind === 'agent' ? ['agent'] : []);
    }
    // None of them is refused, if the space has it to be sent.
    const refused = space
      .events(snapshot)
      .map(({ type }) => type)
      .filter((type) => !told.some(({ event }) => event.type === type));
    expect(named.filter(({ event }) => refused.includes(event ?? ''))).toEqual([]);
    const byItself = moves.filter(({ kind }) => kind === 'effect' || kind === 'timer');
    expect(people.length + named.length + byItself.length).toBeGreaterThan(0);
  }

  async function expectWaits(said: Explanation, leaf: Leaf, family: PlacedFamily) {
    const { reasons, moves, settled } = said;
    const context = family.snapshot.context as Record<string, unknown>;
    const of = (code: string) => reasons.filter((reason) => reason.code === code);
    const others = (code: string) => of(code).flatMap((reason) => reason.others ?? []);

    const invokes = leaf.line.flatMap(({ invoke = [] }: StateOutline) => invoke);
    const { rows: effects } = await database.sql.query<{ id: string; kind: string; invoke_id: string }>(
      'SELECT id, kind, invoke_id FROM effect WHERE actor_id = $1',
      [family.id],
    );
    expect(effects.map((row) => [row.invoke_id, row.kind])).toEqual(invokes.map(({ id, src }) => [id, src]));
    expect(reasons.flatMap(({ effect }) => effect ?? [])).toEqual(
      effects.map(({ id, kind, invoke_id: invoke }) => ({
        id,
        name: kind,
        invoke,
        state: 'ready',
        attempt: 0,
        failures: 0,
        nextTry: ENTRY,
        lastError: null,
      })),
    );
    expect(moves.filter(({ kind }) => kind === 'effect')).toHaveLength(invokes.length);

    const delays = leaf.line.flatMap(({ after = {} }) => Object.keys(after));
    expect(reasons.flatMap(({ timer }) => timer ?? [])).toEqual(
      delays.map((delay) => ({ name: delay, due: '2026-05-01T10:11:00.000Z' })),
    );
    expect(moves.filter(({ kind }) => kind === 'timer')).toHaveLength(delays.length);

    const isLeased = said.tags.includes('leased');
    const { rows: leases } = await database.sql.query<{ expires_at: Date }>(
      'SELECT expires_at FROM lease WHERE task_id = $1',
      [family.id],
    );
    expect(leases).toHaveLength(isLeased ? 1 : 0);
    expect(reasons.flatMap(({ lease }) => lease ?? [])).toEqual(
      leases.map(({ expires_at: expires }) => ({
        agentId: AGENT,
        agent: 'robot',
        attempt: context['attempt'],
        expires: expires.toISOString(),
      })),
    );
    expect(moves.some(({ kind }) => kind === 'lease')).toBe(isLeased);

    expectDependencies(said, leaf, family);
    if (leaf.path.startsWith('blocked')) {
      expect(others('stranded').map(({ path: at }) => at)).toEqual(
        (context['stranded'] as number[]).map(() => 'canceled'),
      );
      expect(of('waits_for_phase')).toHaveLength(name === 'task' && context['phaseOpen'] === false ? 1 : 0);
    }
    if (leaf.path === 'splitting') expect(of('waits_for_phase')).toHaveLength(1);
    if (name !== 'task') {
      const open = settled ? 0 : Number(context['next']) - 1 - Number(context['settled']);
      expect(others('children_open')).toHaveLength(Math.max(0, open));
      const isStuck = leaf.path === 'canceling.draining' && Number(context['stuck']) > 0;
      if (isStuck || leaf.path.endsWith('attention')) {
        expect(of('child_needs_you').length).toBeGreaterThan(0);
      }
    }
    if (name === 'phase' && leaf.path === 'queued') {
      expect(reasons.flatMap(({ slots }) => slots ?? [])).toEqual([{ limit: 1, taken: 1, ahead: 0 }]);
      expect(of('waits_for_initiative').map(({ text }) => text)).toEqual([
        'no phase is given a slot while the initiative is queued, which waits for a person',
      ]);
    }
    if (name === 'initiative' && leaf.path === 'canceling.draining') {
      expect(others('child_needs_you')).toEqual(others('children_open'));
    }
    if (said.tags.includes('claimable')) expect(of('claimable')).toHaveLength(1);
    if (settled) expect(of('settled')).toHaveLength(1);
    // Something is said of every state: what it waits for, or what a person is to do.
    expect(reasons.length + (said.needsYou === null ? 0 : 1)).toBeGreaterThan(0);
  }

  function expectRecorded(
    { reasons, path: at, settled }: Explanation,
    { snapshot }: PlacedFamily,
    told = '',
  ) {
    const { cancelRequested, paused } = snapshot.context as { cancelRequested?: boolean; paused?: boolean };
    const isCanceled = cancelRequested === true && !settled && !at.startsWith('canceling');
    const isPaused = paused === true && at === 'in_progress.syncing';
    const texts = (code: string) => reasons.flatMap((reason) => (reason.code === code ? [reason.text] : []));
    expect(texts('cancel_recorded')).toEqual(
      isCanceled ? [expect.stringMatching(/^(?!.*followed when this has ended).*( when |, because )/s)] : [],
    );
    expect(texts('pause_recorded')).toHaveLength(isPaused ? 1 : 0);
    if (told.endsWith('.cancel')) expect(isCanceled).toBe(true);
    if (told.endsWith('.pause')) expect(isPaused).toBe(true);
  }

  function expectDependencies(
    { reasons, path: at }: Explanation,
    { path: before }: Leaf,
    { snapshot }: PlacedFamily,
  ) {
    expect(at).toBe(before);
    if (!at.startsWith('blocked') && !ASIDE.includes(at)) return;
    const { pending } = snapshot.context as { pending: readonly number[] };
    const waited = reasons.filter(({ code }) => code === 'waits_for_dependency' || code === 'stranded');
    expect(waited.flatMap(({ others }) => others ?? []).map(({ key }) => key)).toEqual(
      pending.map((ordinal) => `${name}-${ordinal}`),
    );
    const timers = reasons.filter(({ code }) => code === 'timer').map(({ text }) => text);
    expect(timers.filter((text) => text.startsWith('goes on by itself'))).toEqual(
      pending.length === 0 ? timers : [],
    );
  }

  function expectPerson({ needsYou, tags, path: at, reasons }: Explanation, { snapshot }: PlacedFamily) {
    const isTagged = tags.includes('needs_you');
    const isHeldUp = at === 'canceling.draining' && reasons.some(({ code }) => code === 'child_needs_you');
    expect(needsYou !== null).toBe(isTagged || isHeldUp);
    const failed = isTagged ? (snapshot.context as { failure: object | null }).failure : null;
    if (needsYou === null) return;
    expect(needsYou.text).toMatch(/^[A-Z].*\S[.?]( It asks: .+)?$/);
    expect(needsYou.failure).toEqual(
      failed === null ? null : { ...failed, fix: expect.stringMatching(/\w+.*\.$/) },
    );
  }
});
