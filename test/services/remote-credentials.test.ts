import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ProjectView } from '../../src/services/shapes/project.ts';
import { doTask, registerAgent } from '../support/agent.ts';
import { isContained } from '../support/git.ts';
import { makeRemote } from '../support/remote.ts';
import { RemoteServer } from '../support/remote-server.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addProject, applyPlan, type TestProject } from '../support/work.ts';

const USER = 'robot';
const SECRET = 'hunter2-s3cr3t/%';
/** A loopback address that counts as another host. */
const HOST = '127.0.0.2';

/** The command lines of all processes of this machine. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [];
      }
    });
}

/** Everything that is stored, as text. */
async function everyRow({ database }: TestService): Promise<string> {
  const { rows } = await database.sql.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = current_schema() OR schemaname = 'public'`,
  );
  const texts: string[] = [];
  for (const { name } of rows) {
    const found = await database.sql.query<{ text: string }>(
      `SELECT coalesce(string_agg(t::text, E'\\n'), '') AS text FROM ${name} t`,
    );
    texts.push(found.rows[0]?.text ?? '');
  }
  return texts.join('\n');
}

/** A remote that asks for a password, and what all processes were called while it served. */
async function guarded(host = HOST) {
  const root = await mkdtemp(path.join(tmpdir(), 'signalbox-guarded-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const remote = await makeRemote(root, 'api');
  const seen = new Set<string>();
  const quoting = { words: '' };
  const served = {
    host,
    // Of the same length, as the lines of the protocol say how long they are.
    rewrite: (answer: string) =>
      answer.replace('pre-receive hook declined', (reason) =>
        quoting.words === '' ? reason : quoting.words.padEnd(reason.length),
      ),
    login: `${USER}:${SECRET}`,
    onServed: () => commandLines().forEach((line) => seen.add(line)),
  };
  const server = new RemoteServer(root, served);
  await server.start();
  onTestFinished(() => server.stop());
  const url = server.url('api.git');
  return { root, remote, server, url, address: new URL(url).host, seen, quoting };
}

type Guarded = Awaited<ReturnType<typeof guarded>>;

const login = (secret: string) => `${USER}:${encodeURIComponent(secret)}`;
const byVariable = ({ address }: Guarded, secret = SECRET) => ({
  SIGNALBOX_GIT_CREDENTIALS: `https://robot:other@git.example.com http://${login(secret)}@${address}`,
});

async function byHelper({ root, address }: Guarded) {
  const [store, config] = [path.join(root, 'store'), path.join(root, 'gitconfig')];
  await writeFile(store, `http://${login(SECRET)}@${address}\n`);
  await writeFile(config, `[credential]\n\thelper = store --file=${store}\n`);
  return { SIGNALBOX_GIT_CONFIG: config };
}

const serviceWith = (env: Record<string, string>) =>
  startTestService({ env: { SIGNALBOX_INSECURE_REMOTE_HOSTS: HOST, ...env } });

const spellings = [SECRET, encodeURIComponent(SECRET), btoa(`${USER}:${SECRET}`)];

function expectNoSecret(where: string, text: string): void {
  for (const spelling of spellings)
    expect(text.includes(spelling), `${where} has the secret: ${around(text, spelling)}`).toBe(false);
}

function around(text: string, word: string): string {
  const at = text.indexOf(word);
  return text.slice(Math.max(0, at - 80), at + 80);
}

async function filesUnder(folder: string): Promise<string> {
  const texts: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      texts.push(await readFile(path.join(entry.parentPath, entry.name), 'latin1').catch(() => ''));
  return texts.join('\n');
}

describe.each([
  ['SIGNALBOX_GIT_CREDENTIALS', byVariable],
  ["a helper of git's in SIGNALBOX_GIT_CONFIG", byHelper],
] as const)('a password from %s', (_, environment) => {
  test('opens the remote for fetches and pushes, and is in no row, log line, answer, file, process list or hook of another remote', async () => {
    const api = await guarded();
    const service = await serviceWith(await environment(api));
    const project = await service.post<ProjectView>('operator', '/v1/projects', {
      key: 'api',
      remote: api.url,
    });
    const web = await addProject(service, 'web');
    const environmentOfHook = path.join(web.remote.dir, 'environment');
    await writeFile(
      path.join(web.remote.dir, 'hooks', 'pre-receive'),
      `#!/bin/sh\nenv >"${environmentOfHook}"\n`,
      {
        mode: 0o755,
      },
    );
    const work = await applyPlan(service, {
      mode: 'yolo',
      projects: [
        { project: { key: 'api' } as TestProject, strategy: 'merge_and_push' },
        { project: web, strategy: 'push_branch' },
      ],
      phases: [{ key: 'build', tasks: ['login'] }],
    });
    const { heads } = await doTask(await registerAgent(service), 'login', {
      api: { 'a.ts': 'a\n' },
      web: { 'w.ts': 'w\n' },
    });
    await work.untilState('pending_review.open');
    // A refusal of the remote is quoted, too.
    const hook = path.join(api.remote.dir, 'hooks', 'pre-receive');
    await mkdir(path.dirname(hook), { recursive: true });
    await writeFile(hook, '#!/bin/sh\necho "no" >&2\nexit 1\n', { mode: 0o755 });
    // What we gave the service ourselves it knows, and can leave out.
    if (environment === byVariable) api.quoting.words = `no ${SECRET}`;
    await work.approve();
    const failed = await work.untilState('delivery_failed');
    expect(failed.failure?.message).toContain(
      environment === byVariable ? 'no ***' : 'pre-receive hook declined',
    );
    await rm(hook);
    await work.tell('initiative', work.id, 'initiative.retry');
    await work.untilState('completed');

    expect(await isContained(api.remote.dir, heads['api'] ?? '', 'refs/heads/main')).toBe(true);
    const seen = await readFile(environmentOfHook, 'utf8');
    expect(seen).toContain('PATH=');
    expectNoSecret('the environment of a hook', seen);
    const lines = [...api.seen].join('\n');
    expect(lines).toContain(`${api.url} `);
    expectNoSecret('a command line', lines);
    const rows = await everyRow(service);
    expect(rows).toContain(api.url);
    expectNoSecret('a row', rows);
    expectNoSecret('the log', service.log.join(''));
    expectNoSecret('an answer', JSON.stringify([project, failed, await work.journal('initiative', work.id)]));
    expectNoSecret('a file of the service', await filesUnder(service.dataFolder));
  });
});

test('a password that is wrong is refused with remote_needs_password and not repeated', async () => {
  const api = await guarded();
  const wrong = 'wr0ng-s3cr3t';
  const service = await serviceWith(byVariable(api, wrong));
  const refused = await service.refusal('operator', 'POST', '/v1/projects', { key: 'api', remote: api.url });
  expect(refused.code).toBe('remote_needs_password');
  expect(JSON.stringify(refused) + service.log.join('')).not.toContain(wrong);
});

test('a password of one host is not given to another', async () => {
  const [api, other] = [await guarded(), await guarded('127.0.0.3')];
  const service = await startTestService({
    env: { SIGNALBOX_INSECURE_REMOTE_HOSTS: `${HOST},127.0.0.3`, ...byVariable(api) },
  });
  const refused = await service.refusal('operator', 'POST', '/v1/projects', {
    key: 'web',
    remote: other.url,
  });
  expect(refused.code).toBe('remote_needs_password');
  expect(other.seen.size).toBe(0);
  expect(other.server.logins).toEqual([]);
  await service.post<ProjectView>('operator', '/v1/projects', { key: 'api', remote: api.url });
});
