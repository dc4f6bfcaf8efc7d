import type { AnyEventObject, AnyMachineSnapshot } from 'xstate';
import { InertScope, type Move } from '../../../src/actors/scope.ts';
import { machineDefinitions, type MachineDefinition } from '../../../src/machines/definitions.ts';
import type { Address } from '../../../src/machines/outbox.ts';

export type Kind = MachineDefinition['name'];

/** An effect that runs. */
export interface Running {
  readonly actor: string;
  readonly id: string;
  readonly src: string;
}

/** One member of the family; ids are paths: `i`, `i/2` (phase 2), `i/2/1` (its task 1). */
export interface Member {
  readonly id: string;
  readonly kind: Kind;
  readonly parent: string | null;
  readonly ordinal: number;
  snapshot: AnyMachineSnapshot;
  /** The state value as dotted path, for example `canceling.draining`. */
  path: string;
  isSettled: boolean;
}

/** The dotted path of a state value; none of these machines has parallel states. */
function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries(value as Record<string, unknown>)
    .map(([key, inner]) => `${key}.${pathOf(inner)}`)
    .join();
}

interface Message {
  readonly from: string;
  readonly to: string;
  readonly event: AnyEventObject;
}

const known = new Map(
  machineDefinitions.map((definition) => [
    definition.name,
    { events: definition.events, scope: new InertScope(definition.machine) },
  ]),
);

function of(kind: Kind) {
  const found = known.get(kind);
  if (found === undefined) throw new Error(`no machine ${kind}`);
  return found;
}

/** The parameters of an action: one set, or several. */
function each(params: unknown): readonly unknown[] {
  const { many } = (params ?? {}) as { many?: readonly unknown[] };
  return many ?? [params];
}

/**
 * An initiative with its phases and tasks in memory, stepped by hand. Messages stay in order per sender and receiver and
 * in no order otherwise; effects end when they are told to. Knows nothing of what the machines mean.
 */
export class Family {
  readonly members = new Map<string, Member>();
  readonly effects = new Map<string, Running>();
  /** What happened, newest last: read it when an invariant is broken. */
  readonly log: string[] = [];
  /** Kind and state of everybody after every step, for example `task canceling.stuck`. */
  readonly visited = new Set<string>();
  readonly #children = new Map<string, Member[]>();
  readonly #channels = new Map<string, Message[]>();
  #held: Message[] | null = null;
  readonly #afterStep: (member: Member, move: Move) => void;

  constructor(afterStep: (member: Member, move: Move) => void = () => undefined) {
    this.#afterStep = afterStep;
  }

  /** Members made in `work` are there together: their messages are sent when all of them exist. */
  begin(work: () => void): void {
    const held: Message[] = [];
    this.#held = held;
    work();
    this.#held = null;
    for (const message of held) this.#enqueue(message);
  }

  create(id: string, kind: Kind, input: object): void {
    if (this.members.has(id)) throw new Error(`${id} exists already`);
    const parts = id.split('/');
    const move = of(kind).scope.initial(input as Parameters<InertScope['initial']>[0]);
    const parent = parts.length === 1 ? null : parts.slice(0, -1).join('/');
    const { snapshot } = move;
    const member: Member = {
      id,
      kind,
      parent,
      ordinal: Number(parts.at(-1)),
      snapshot,
      path: '',
      isSettled: false,
    };
    this.members.set(id, member);
    if (parent !== null) this.#children.set(parent, [...this.childrenOf(parent), member]);
    this.#apply(member, move, 'created');
  }

  get(id: string): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`nobody is called ${id}`);
    return member;
  }

  all(kind: Kind): Member[] {
    return [...this.members.values()].filter((member) => member.kind === kind);
  }

  childrenOf(id: string): readonly Member[] {
    return this.#children.get(id) ?? [];
  }

  /** Channels that have something to deliver. */
  channels(): string[] {
    return [...this.#channels.keys()];
  }

  /** Messages of one type that are on their way from one member to another. */
  inFlight(type: string, from: string, to: string): number {
    const queue = this.#channels.get(`${from}>${to}`) ?? [];
    return queue.filter(({ event }) => event.type === type).length;
  }

  /** Delivers the oldest message of a channel. */
  deliver(channel: string): void {
    const queue = this.#channels.get(channel) ?? [];
    const message = queue.shift();
    if (message === undefined) throw new Error(`nothing waits in ${channel}`);
    if (queue.length === 0) this.#channels.delete(channel);
    this.#step(this.get(message.to), message.event, `message of ${message.from}`);
  }

  /** Ends an effect with a result, or with an error. */
  finish(effect: Running, outcome: { output: unknown } | { error: unknown }): void {
    const key = `${effect.actor} ${effect.id}`;
    if (!this.effects.delete(key)) throw new Error(`${key} does not run`);
    const type = 'output' in outcome ? `xstate.done.actor.${effect.id}` : `xstate.error.actor.${effect.id}`;
    const event = { type, actorId: effect.id, ...outcome };
    if (!this.#step(this.get(effect.actor), event, 'effect'))
      throw new Error(`${effect.actor} has no use for ${type}`);
  }

  /** What a person or an agent sends; false when the state does not take it. The payload has to be valid. */
  post(id: string, event: AnyEventObject): boolean {
    const member = this.get(id);
    const payload = this.#check(member, event, (senders) => senders.some((sender) => sender !== 'message'));
    return this.#step(member, { type: event.type, ...payload }, 'post');
  }

  #check(member: Member, event: AnyEventObject, may: (senders: readonly string[]) => boolean): object {
    const { type, ...payload } = event;
    const entry = of(member.kind).events[type];
    if (entry === undefined) throw new Error(`${member.id} knows no ${type}`);
    if (!may(entry.senders)) throw new Error(`${type} may not be sent this way`);
    const parsed = entry.schema.safeParse(payload);
    if (!parsed.success) throw new Error(`${type} to ${member.id}: ${parsed.error.message}`);
    return parsed.data;
  }

  #step(member: Member, event: AnyEventObject, why: string): boolean {
    const { scope } = of(member.kind);
    if (!scope.isEnabled(member.snapshot, event)) {
      this.log.push(`${member.id} ignores ${event.type} (${why})`);
      return false;
    }
    const move = scope.transition(member.snapshot, event);
    this.#apply(member, move, `${JSON.stringify(event)} (${why})`);
    return true;
  }

  #apply(member: Member, move: Move, why: string): void {
    member.snapshot = move.snapshot;
    member.path = pathOf(move.snapshot.value);
    member.isSettled = move.snapshot.hasTag('settled');
    this.log.push(`${member.id} ${why} -> ${member.path}`);
    if (move.snapshot.status !== 'active') throw new Error(`${member.id} has ended: ${move.snapshot.status}`);
    for (const { type, params } of move.actions) {
      if (type === 'tell')
        for (const one of each(params)) this.#send(member, one as { to: Address; event: AnyEventObject });
      else if (type === 'create') {
        for (const one of each(params)) {
          const { child, machine, input } = one as { child: number; machine: Kind; input: object };
          this.create(`${member.id}/${child}`, machine, input);
        }
      } else if (type === 'xstate.spawnChild') {
        const { id, src } = params as { id: string; src: string };
        this.effects.set(`${member.id} ${id}`, { actor: member.id, id, src });
      } else if (type === 'xstate.stopChild') {
        this.effects.delete(`${member.id} ${(params as { id: string }).id}`);
      }
    }
    this.visited.add(`${member.kind} ${member.path}`);
    this.#afterStep(member, move);
  }

  #send(from: Member, { to, event }: { to: Address; event: AnyEventObject }): void {
    const target =
      to === 'parent'
        ? from.parent
        : 'child' in to
          ? `${from.id}/${to.child}`
          : `${from.parent}/${to.sibling}`;
    const message = { from: from.id, to: String(target), event };
    if (this.#held === null) this.#enqueue(message);
    else this.#held.push(message);
  }

  #enqueue(message: Message): void {
    this.#check(this.get(message.to), message.event, (senders) => senders.includes('message'));
    const channel = `${message.from}>${message.to}`;
    const queue = this.#channels.get(channel) ?? [];
    queue.push(message);
    this.#channels.set(channel, queue);
  }
}
