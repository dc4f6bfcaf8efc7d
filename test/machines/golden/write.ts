import { existsSync, writeFileSync } from 'node:fs';
import type { AnyEventObject } from 'xstate';
import { InertScope } from '../../../src/actors/scope.ts';
import { persist } from '../../../src/actors/snapshot-codec.ts';
import { machineDefinitions } from '../../../src/machines/definitions.ts';
import { explore, pathOf } from '../explore.ts';
import { outcomesOf } from '../family/outcomes.ts';
import { SPACES } from '../spaces.ts';

/**
 * Writes the golden snapshots of the present version, one for each reachable state, with an event and the state it leads to.
 * Run it once, when a version is released: `node test/machines/golden/write.ts`. It overwrites nothing; with `--unreleased` it
 * replaces those of a version that nobody has stored yet.
 */
for (const { name, version, machine } of machineDefinitions) {
  const file = new URL(`${name}.v${version}.json`, import.meta.url);
  if (existsSync(file) && !process.argv.includes('--unreleased')) continue;
  const scope = new InertScope(machine);
  const space = SPACES[name];
  const byPath = new Map([...explore(space).values()].toReversed().map((node) => [node.path, node]));
  const golden = [...byPath.values()]
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, snapshot }) => {
      const ids = Object.keys(snapshot.children);
      const effects = Object.fromEntries(ids.map((id) => [id, '00000000-0000-4000-8000-00000000000e']));
      const endings = ids.map((id): AnyEventObject => {
        const { src } = snapshot.children[id] as { src?: unknown };
        return { type: `xstate.done.actor.${id}`, actorId: id, ...outcomesOf(String(src))[0] };
      });
      const late = { type: 'slot.returned', ordinal: 1 };
      const step = [...endings, ...space.events(snapshot), late]
        .filter((event) => scope.isEnabled(snapshot, event))
        .map((event) => ({ event, path: pathOf(scope.transition(snapshot, event).snapshot.value) }))
        .toSorted((a, b) => Number(a.path === path) - Number(b.path === path))[0];
      return { path, tags: [...snapshot.tags].toSorted(), snapshot: persist({ snapshot, effects, timers: {} }), step };
    });
  writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`);
}
