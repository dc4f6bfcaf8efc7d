import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { expect, test } from 'vitest';
import { AgentFleet } from '../../src/demo/agent-fleet.ts';
import type { ChildOptions } from '../../src/demo/children.ts';
import { Children } from '../../src/demo/children.ts';
import { scenarioOf } from '../../src/demo/plan.ts';
import { Random } from '../../src/demo/random.ts';

/** Notes what it would have started. */
class NotedChildren extends Children {
  readonly noted: ChildOptions[] = [];

  override start(options: ChildOptions) {
    this.noted.push(options);
    return super.start({ ...options, command: 'true', args: [] });
  }
}

test('each agent has a folder of its own, in which nothing of the service is', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-fleet-')));
  const children = new NotedChildren(1_000);
  const scenario = scenarioOf(9, new Random(1));
  const fleet = new AgentFleet(children, {
    url: 'http://127.0.0.1:1',
    token: 'sbx_agent',
    folder,
    scenario,
    seed: 1,
    userEnv: { PATH: process.env['PATH'] ?? '' },
  });
  const names = [fleet.start(), fleet.start()];
  await children.stop();
  const homes = children.noted.map(({ cwd }) => relative(folder, cwd));
  expect(homes).toEqual(names.map((name) => join('agents', name)));
  for (const { cwd, env } of children.noted) {
    expect([env['HOME'], env['TMPDIR']]).toEqual([cwd, cwd]);
    expect(join(folder, 'data').startsWith(cwd + sep)).toBe(false);
    expect(JSON.stringify(env)).not.toContain(join(folder, 'data'));
  }
  rmSync(folder, { recursive: true });
});
