import type { AnyStateMachine, AnyStateNode } from 'xstate';

import type { ActorDefinition } from './definition.ts';
import type { RowWriter } from './row-writer.ts';

/** Actions that the runtime itself turns into rows. */
const RUNTIME_ACTIONS: readonly string[] = ['tell', 'create'];
/** XState's own actions that are pure or become rows. Others (emit, log, sendTo) would be lost in silence. */
const XSTATE_ACTIONS: readonly string[] = [
  'xstate.assign',
  'xstate.raise',
  'xstate.cancel',
  'xstate.enqueueActions',
  'xstate.spawnChild',
  'xstate.stopChild',
];

interface Known {
  readonly effectKinds: readonly string[];
  readonly rowWriters: readonly Pick<RowWriter, 'name'>[];
}

/** Walks a machine and tells everything in it that the runtime could not carry out, one sentence each. */
export function findFaults(definition: ActorDefinition, known: Known): string[] {
  const { machine } = definition;
  const faults = nodesOf(machine.root).flatMap((node) => [
    ...actionFaults(machine, node, known),
    ...invokeFaults(machine, node, known),
    ...delayFaults(machine, node),
  ]);
  for (let version = 1; version < definition.version; version += 1) {
    if (definition.upgrades[version] === undefined) faults.push(`no upgrade from version ${version}`);
  }
  for (const type of Object.keys(definition.events)) {
    if (type.startsWith('xstate.')) faults.push(`the event "${type}" is in XState's own namespace`);
  }
  return faults.map((fault) => `${definition.name}: ${fault}`);
}

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap((child) => nodesOf(child as AnyStateNode))];
}

function actionFaults(machine: AnyStateMachine, node: AnyStateNode, known: Known): string[] {
  const transitions = [...node.transitions.values(), node.always ?? []].flat();
  const actions: unknown[] = [
    ...node.entry,
    ...node.exit,
    ...transitions.flatMap((transition) => transition.actions),
  ];
  return actions.flatMap((action) => {
    const fault = actionFault(machine, action, known);
    return fault === null ? [] : [`${fault} in "${node.id}"`];
  });
}

function actionFault(machine: AnyStateMachine, action: unknown, known: Known): string | null {
  if (typeof action === 'function') return builtinFault(action);
  const type = typeof action === 'string' ? action : (action as { type: string }).type;
  if (RUNTIME_ACTIONS.includes(type) || known.rowWriters.some((writer) => writer.name === type)) return null;
  const implementation: unknown = (machine.implementations.actions as Record<string, unknown>)[type];
  if (typeof implementation === 'function' && 'resolve' in implementation)
    return builtinFault(implementation);
  return `nobody registered the action "${type}"`;
}

function builtinFault(action: { readonly name: string }): string | null {
  const type = 'resolve' in action && 'type' in action ? String(action.type) : null;
  if (type === null) return `the inline function "${action.name}" would never run`;
  return XSTATE_ACTIONS.includes(type) ? null : `the action "${type}" has no durable form`;
}

function invokeFaults(machine: AnyStateMachine, node: AnyStateNode, known: Known): string[] {
  const configured = [node.config.invoke ?? []].flat() as { id?: unknown; systemId?: unknown }[];
  return node.invoke.flatMap((invoke, index) => {
    const name = `the invoke "${invoke.id}" in "${node.id}"`;
    const faults: string[] = [];
    if (configured[index]?.id === undefined)
      faults.push(`${name} needs an explicit id, or its stored events lose their name`);
    if (configured[index]?.systemId !== undefined)
      faults.push(`${name} has a systemId, which nothing can look up`);
    const src: unknown = invoke.src;
    if (typeof src !== 'string' || !(src in machine.implementations.actors))
      faults.push(`${name} needs a src named in setup`);
    else if (!known.effectKinds.includes(src)) faults.push(`nobody registered the effect "${src}"`);
    for (const outcome of ['done', 'error']) {
      if (!node.transitions.has(`xstate.${outcome}.actor.${invoke.id}`))
        faults.push(`${name} has no on${outcome === 'done' ? 'Done' : 'Error'}`);
    }
    return faults;
  });
}

function delayFaults(machine: AnyStateMachine, node: AnyStateNode): string[] {
  return Object.keys(node.config.after ?? {}).flatMap((delay) =>
    delay in machine.implementations.delays
      ? []
      : [`the delay "${delay}" in "${node.id}" has no name in setup`],
  );
}
