import { afterAll, onTestFailed } from 'vitest';
import { World } from './world.ts';

/**
 * Gives test after test the same world, with its service at work, as long as the tests end well and want as many projects; a test
 * after one that failed gets a fresh one. What a test does has to be over when it ends.
 */
export function sharedWorlds(): (projects: number) => Promise<World> {
  let world: World | null = null;
  const end = async () => {
    const ending = world;
    world = null;
    await ending?.end();
  };
  afterAll(end);
  return async (projects) => {
    onTestFailed(end);
    if (world !== null && world.keys.length !== projects) await end();
    if (world === null) {
      world = await World.make(projects);
      await world.start();
    }
    return world;
  };
}

/** What the tests of one world have in common, made by the first of them. */
export function oncePerWorld<T>(make: (here: World) => Promise<T>): (here: World) => Promise<T> {
  const made = new WeakMap<World, T>();
  return async (here) => {
    const known = made.get(here) ?? (await make(here));
    made.set(here, known);
    return known;
  };
}
