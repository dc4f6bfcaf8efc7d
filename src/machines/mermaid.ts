import type { AnyStateMachine } from 'xstate';
import { toDefinition, type StateOutline, type TransitionOutline } from './machine-definition.ts';

export { toDefinition } from './machine-definition.ts';

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

/** Mermaid takes no dots in ids: `task.blocked.waiting` becomes `blocked_waiting`. */
function mermaidId(path: readonly string[]): string {
  return path.join('_');
}

function pathOf(target: string): readonly string[] {
  return target.replace(/^#/, '').split('.').slice(1);
}

function labelOf(event: string, transition: TransitionOutline): string {
  return [event, transition.guard === undefined ? '' : `[${transition.guard}]`].join(' ').trim();
}

/** Every way out of a state, with the name that a reader knows it by. */
function waysOut(state: StateOutline): readonly (readonly [string, TransitionOutline])[] {
  const named = (event: string, list: readonly TransitionOutline[]) =>
    list.map((transition) => [event, transition] as const);
  return [
    ...(state.always ?? []).map((transition) => ['', transition] as const),
    ...Object.entries(state.on ?? {}).flatMap(([event, list]) => named(event, list)),
    ...Object.entries(state.after ?? {}).flatMap(([delay, list]) => named(`after ${delay}`, list)),
    ...(state.invoke ?? []).flatMap(({ id, onDone, onError }) => [
      ...named(`${id} done`, onDone),
      ...named(`${id} failed`, onError),
    ]),
  ];
}

function isInside(path: readonly string[], outer: readonly string[]): boolean {
  return outer.every((key, index) => path[index] === key);
}

/** Lines inside the box of a state: what it invokes, and the events it takes without being left. */
function innerLines(state: StateOutline, path: readonly string[]): readonly string[] {
  const staying = waysOut(state).flatMap(([event, transition]) => {
    if (transition.target === undefined) return [labelOf(event, transition)];
    const target = pathOf(transition.target);
    return isInside(target, path) ? [`${labelOf(event, transition)} → ${target.at(-1)}`.trim()] : [];
  });
  return [
    ...(state.invoke ?? []).map(({ src }) => `runs ${src}`),
    ...new Set(staying.filter((line) => line !== '')),
  ];
}

function draw(state: StateOutline, path: readonly string[], indent: string): readonly string[] {
  const id = mermaidId(path);
  const title = [path.at(-1), ...(state.tags ? [`(${state.tags.join(', ')})`] : [])].join(' ');
  const inner = innerLines(state, path);
  if (state.states === undefined) {
    return [`${indent}${id} : ${[title, ...inner].join('<br/>')}`];
  }
  return [
    `${indent}state "${title}" as ${id} {`,
    ...drawChildren(state, path, `${indent}  `),
    `${indent}}`,
    ...(inner.length === 0
      ? []
      : [`${indent}note right of ${id}`, ...inner.map((line) => `${indent}  ${line}`), `${indent}end note`]),
  ];
}

function drawChildren(state: StateOutline, path: readonly string[], indent: string): readonly string[] {
  const { initial, states = {} } = state;
  return [
    ...(initial === undefined ? [] : [`${indent}[*] --> ${mermaidId([...path, initial])}`]),
    ...Object.entries(states).flatMap(([key, child]) => draw(child, [...path, key], indent)),
  ];
}

/** Edges between different states; several events between the same two share one arrow. */
function edgesOf(state: StateOutline, path: readonly string[]): readonly Edge[] {
  const own = waysOut(state).flatMap(([event, transition]) => {
    if (transition.target === undefined) return [];
    const target = pathOf(transition.target);
    return isInside(target, path)
      ? []
      : [{ from: mermaidId(path), to: mermaidId(target), label: labelOf(event, transition) }];
  });
  return [
    ...own,
    ...Object.entries(state.states ?? {}).flatMap(([key, child]) => edgesOf(child, [...path, key])),
  ];
}

function drawEdges(edges: readonly Edge[]): readonly string[] {
  const labels = new Map<string, Set<string>>();
  for (const { from, to, label } of edges) {
    const arrow = `${from} --> ${to}`;
    labels.set(arrow, (labels.get(arrow) ?? new Set()).add(label));
  }
  return [...labels].map(([arrow, set]) => {
    const label = [...set].filter((text) => text !== '').join('<br/>');
    return label === '' ? `  ${arrow}` : `  ${arrow} : ${label}`;
  });
}

/** Draws a machine as a Mermaid `stateDiagram-v2`: nested states, tags, effects, events and guards. */
export function toMermaid(machine: AnyStateMachine): string {
  const definition = toDefinition(machine);
  const { states = {} } = definition;
  return [
    'stateDiagram-v2',
    ...drawChildren(definition, [], '  '),
    ...drawEdges(Object.entries(states).flatMap(([key, state]) => edgesOf(state, [key]))),
    '',
  ].join('\n');
}
