import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** One way out of a state, by names only. */
export interface TransitionOutline {
  /** Absolute ids (`#task.canceling`); none where the state stays as it is. */
  readonly target?: string;
  readonly guard?: string;
  readonly actions?: readonly string[];
}

/** An effect that runs while the state is active. */
export interface InvokeOutline {
  readonly id: string;
  readonly src: string;
  readonly onDone: readonly TransitionOutline[];
  readonly onError: readonly TransitionOutline[];
}

/** One state in the shape of XState's own config, so that any statechart viewer can draw it. */
export interface StateOutline {
  readonly id?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly initial?: string;
  readonly entry?: readonly string[];
  readonly exit?: readonly string[];
  readonly invoke?: readonly InvokeOutline[];
  readonly on?: Readonly<Record<string, readonly TransitionOutline[]>>;
  readonly after?: Readonly<Record<string, readonly TransitionOutline[]>>;
  readonly always?: readonly TransitionOutline[];
  readonly states?: Readonly<Record<string, StateOutline>>;
}

const AFTER = 'xstate.after.';
const nameOf = (named: unknown): string =>
  typeof named === 'string' ? named : String((named as { type?: unknown }).type);

function outlineTransition(transition: AnyTransitionDefinition): TransitionOutline {
  const [target] = transition.target ?? [];
  return {
    ...(target === undefined ? {} : { target: `#${target.id}` }),
    ...(transition.guard === undefined ? {} : { guard: nameOf(transition.guard) }),
    ...(transition.actions.length === 0 ? {} : { actions: transition.actions.map(nameOf) }),
  };
}

/** Entry and exit actions without those that XState adds for delays. */
function actionsOf(list: readonly unknown[]): readonly string[] {
  return list.map(nameOf).filter((name) => !name.startsWith('xstate.'));
}

/** The transitions of a state node by event descriptor; those of invokes and delays are under XState's own names. */
function outlinesByEvent(node: AnyStateNode): Map<string, readonly TransitionOutline[]> {
  return new Map([...node.transitions].map(([event, list]) => [event, list.map(outlineTransition)]));
}

function outline(node: AnyStateNode): StateOutline {
  const byEvent = outlinesByEvent(node);
  const take = (event: string) => {
    const list = byEvent.get(event) ?? [];
    byEvent.delete(event);
    return list;
  };
  const invoke = node.invoke.map(({ id, src }) => ({
    id,
    src: nameOf(src),
    onDone: take(`xstate.done.actor.${id}`),
    onError: take(`xstate.error.actor.${id}`),
  }));
  const after = Object.fromEntries(
    [...byEvent.keys()]
      .filter((event) => event.startsWith(AFTER))
      .map((event) => [event.slice(AFTER.length).replace(/\..*$/, ''), take(event)]),
  );
  const always = (node.always ?? []).map(outlineTransition);
  const states = Object.entries(node.states).map(([key, child]) => [key, outline(child)]);
  const initial = node.initial.target[0]?.key;
  const entry = actionsOf(node.entry);
  const exit = actionsOf(node.exit);
  return {
    ...(node.description === undefined ? {} : { description: node.description }),
    ...(node.tags.length === 0 ? {} : { tags: node.tags }),
    ...(initial === undefined ? {} : { initial }),
    ...(entry.length === 0 ? {} : { entry }),
    ...(exit.length === 0 ? {} : { exit }),
    ...(invoke.length === 0 ? {} : { invoke }),
    ...(byEvent.size === 0 ? {} : { on: Object.fromEntries(byEvent) }),
    ...(Object.keys(after).length === 0 ? {} : { after }),
    ...(always.length === 0 ? {} : { always }),
    ...(states.length === 0 ? {} : { states: Object.fromEntries(states) }),
  };
}

/** The machine as JSON: names of events, guards, actions and effects, and nothing that runs. */
export function toDefinition(machine: AnyStateMachine): StateOutline {
  return { id: machine.id, ...outline(machine.root) };
}
