import type { AnyStateMachine } from 'xstate';
import type { EventCatalog } from './event-catalog.ts';
import { initiativeEvents } from './initiative-events.ts';
import { initiativeMachine } from './initiative.ts';
import { phaseEvents } from './phase-events.ts';
import { phaseMachine } from './phase.ts';
import { taskEvents } from './task-events.ts';
import { taskMachine } from './task.ts';

/** What the actor runtime has to know of one machine. */
export interface MachineDefinition {
  readonly name: 'initiative' | 'phase' | 'task';
  /** Raised with every change that an older snapshot does not fit. */
  readonly version: number;
  readonly machine: AnyStateMachine;
  readonly events: EventCatalog;
  /** From version n to n + 1, pure. */
  readonly upgrades: Readonly<Record<number, never>>;
}

/** The three lifecycles. */
export const machineDefinitions: readonly MachineDefinition[] = [
  { name: 'initiative', version: 1, machine: initiativeMachine, events: initiativeEvents, upgrades: {} },
  { name: 'phase', version: 1, machine: phaseMachine, events: phaseEvents, upgrades: {} },
  { name: 'task', version: 1, machine: taskMachine, events: taskEvents, upgrades: {} },
];
