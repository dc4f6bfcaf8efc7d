import type { ActorDefinition } from './definition.ts';
import type { JsonObject } from './json.ts';
import { UnreadableSnapshot } from './snapshot-codec.ts';

/** Brings a persisted snapshot to the machine's version, one step at a time; throws `UnreadableSnapshot`. */
export function upgradeSnapshot(definition: ActorDefinition, from: number, snapshot: JsonObject): JsonObject {
  let upgraded = snapshot;
  for (let version = from; version < definition.version; version += 1) {
    const upgrade = definition.upgrades[version];
    if (upgrade === undefined)
      throw new UnreadableSnapshot(`no upgrade from version ${version} of ${definition.name}`);
    try {
      upgraded = upgrade(upgraded);
    } catch (cause) {
      throw new UnreadableSnapshot(`the upgrade from version ${version} of ${definition.name} threw`, {
        cause,
      });
    }
  }
  return upgraded;
}
