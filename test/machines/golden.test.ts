import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AnyEventObject } from 'xstate';
import type { JsonObject } from '../../src/actors/json.ts';
import { InertScope } from '../../src/actors/scope.ts';
import { persist, restore } from '../../src/actors/snapshot-codec.ts';
import { machineDefinitions } from '../../src/machines/definitions.ts';
import { pathOf } from './explore.ts';

interface Golden {
  readonly path: string;
  readonly tags: readonly string[];
  readonly snapshot: JsonObject;
  readonly step: { readonly event: AnyEventObject; readonly path: string };
}

const folder = new URL('./golden/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

/** The snapshot as the present version reads it. */
function upgraded(name: string, from: number, snapshot: JsonObject): JsonObject {
  const definition = machineDefinitions.find((one) => one.name === name);
  if (definition === undefined) throw new Error(`no machine ${name}`);
  let now = snapshot;
  for (let version = from; version < definition.version; version += 1) {
    const upgrade = definition.upgrades[version] as ((old: JsonObject) => JsonObject) | undefined;
    if (upgrade === undefined) throw new Error(`${name} has no upgrade from version ${version}`);
    now = upgrade(now);
  }
  return now;
}

describe('golden snapshots', () => {
  it('are there for every version of every machine', () => {
    const wanted = machineDefinitions.flatMap(({ name, version }) =>
      Array.from({ length: version }, (_, index) => `${name}.v${index + 1}.json`),
    );
    expect(files.toSorted()).toEqual(wanted.toSorted());
  });

  describe.each(files)('%s', (file) => {
    const [, name = '', version = ''] = /^(\w+)\.v(\d+)\.json$/.exec(file) ?? [];
    const golden = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Golden[];
    const machine = machineDefinitions.find((one) => one.name === name)?.machine;
    if (machine === undefined) throw new Error(`${file} is of no machine`);
    const scope = new InertScope(machine);

    it.each(golden)('restores $path and steps to $step.path', ({ path, tags, snapshot, step }) => {
      const state = restore(scope, upgraded(name, Number(version), snapshot));
      expect(pathOf(state.snapshot.value)).toBe(path);
      expect([...state.snapshot.tags].toSorted()).toEqual(tags);
      if (Number(version) === machineDefinitions.find((one) => one.name === name)?.version) {
        expect(persist(state)).toEqual(snapshot);
      }
      expect(scope.isEnabled(state.snapshot, step.event)).toBe(true);
      expect(pathOf(scope.transition(state.snapshot, step.event).snapshot.value)).toBe(step.path);
    });
  });
});
