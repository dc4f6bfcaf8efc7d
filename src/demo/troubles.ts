import { setTimeout as pause } from 'node:timers/promises';
import type { PhaseOnBoard } from '../board/board-view.ts';
import type { AgentFleet } from './agent-fleet.ts';
import type { Client, Landing } from './client.ts';
import { LandingWatch } from './landing-watch.ts';
import type { Scenario } from './plan.ts';
import type { Random } from './random.ts';
import type { Screen } from './screen.ts';
import type { ServiceProcess } from './service-process.ts';
import { survival } from './survival.ts';

export interface TroublesOptions {
  readonly service: ServiceProcess;
  readonly fleet: AgentFleet;
  readonly scenario: Scenario;
  readonly screen: Screen;
  readonly random: Random;
  readonly client: Client;
  readonly initiative: string;
  readonly signal: AbortSignal;
  /** The service is back after it was killed. */
  readonly returned: () => Promise<void>;
}

/** More would only show that the moment can not be met from outside. */
const MOST_SERVICE_KILLS = 12;

/** What goes wrong on the way: an agent is killed while it works, and the service in the middle of a landing. */
export class Troubles {
  readonly #options: TroublesOptions;
  readonly #watch: LandingWatch;
  #landingsToSkip: number;
  #serviceKills = 0;
  #restarting: Promise<void> | null = null;
  #failure: Error | null = null;
  #resumed = 0;
  #hasKilledAgent = false;
  #hasMerged = false;

  constructor(options: TroublesOptions) {
    this.#options = options;
    this.#landingsToSkip = options.random.between(0, 2);
    this.#watch = new LandingWatch(options.service.hubFolder, options.scenario.plan.key, (ref) =>
      this.#onLanding(ref),
    );
  }

  /** Looks at the phases once; throws what went wrong with a restart. */
  async look(phases: readonly PhaseOnBoard[]): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const tasks = phases.flatMap((phase) =>
      phase.tasks.map((task) => ({ ...task, path: `${phase.key ?? ''}/${task.key ?? ''}` })),
    );
    this.#hasMerged ||= tasks.some(({ key, state }) => state === 'completed' && isMerge(key));
    const victim = tasks.find(({ path }) => path === this.#options.scenario.victim);
    if (!this.#hasKilledAgent && victim?.attempt === 1 && victim.agentId !== null)
      await this.#killAgent(victim.agentId);
  }

  /** Waits for a restart that is under way, and for the service to say what it resumed. */
  async finish(): Promise<void> {
    this.close();
    await this.#restarting;
    this.#resumed = resumedOf(await this.#options.client.landings(this.#options.initiative));
    if (this.#failure !== null) throw this.#failure;
  }

  /** A restart that is under way is over. */
  async restarted(): Promise<void> {
    await this.#restarting;
  }

  close(): void {
    this.#watch.close();
  }

  /** `survived: K kills, L landings resumed`. Throws when the run did not meet what it is there to show. */
  survived(kills: number): string {
    return survival({
      kills,
      resumed: this.#resumed,
      hasKilledAgent: this.#hasKilledAgent,
      hasMerged: this.#hasMerged,
    });
  }

  async #killAgent(agentId: string): Promise<void> {
    const { client, fleet, screen, scenario } = this.#options;
    const agent = (await client.agents()).find(({ id }) => id === agentId);
    if (agent === undefined) return;
    this.#hasKilledAgent = true;
    await fleet.kill(agent.name);
    screen.note(
      `killed the agent ${agent.name}, which worked on ${scenario.victim}; ${fleet.start()} takes its place`,
    );
  }

  #onLanding(ref: string): void {
    if (this.#restarting !== null || this.#resumed > 0 || this.#options.signal.aborted) return;
    if (this.#landingsToSkip > 0) {
      this.#landingsToSkip -= 1;
      return;
    }
    if (this.#serviceKills >= MOST_SERVICE_KILLS) return;
    this.#serviceKills += 1;
    this.#restarting = this.#killService(ref)
      .catch((error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#restarting = null;
      });
  }

  async #killService(ref: string): Promise<void> {
    const { service, screen, client, initiative, signal, returned } = this.#options;
    await service.kill();
    screen.note(`killed the service while it landed on ${ref}`);
    // Not given up half-way: the database has to be ended by a service that has taken it over.
    await service.start(new AbortController().signal);
    // A landing that was cut is closed within moments of the start; when there was none, the next one is tried.
    for (let tries = 0; tries < 20 && this.#resumed === 0 && !signal.aborted; tries += 1) {
      this.#resumed = resumedOf(await client.landings(initiative));
      await pause(100);
    }
    if (signal.aborted) return;
    await returned();
    screen.note(
      this.#resumed > 0
        ? 'the service is back and finished the landing it was killed in'
        : 'the service is back; no landing had been cut',
    );
  }
}

/** A task that was made because two others conflict. */
function isMerge(key: string | null): boolean {
  return key?.startsWith('merge-') === true;
}

/** Landings whose intents one process wrote and another closed. */
function resumedOf(landings: readonly Landing[]): number {
  return landings.filter(
    ({ openedBy, settledBy, intents }) =>
      intents.length > 0 && openedBy !== null && settledBy !== null && settledBy !== openedBy,
  ).length;
}
