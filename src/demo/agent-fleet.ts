import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, Children } from './children.ts';
import { GIT_ENVIRONMENT } from './git.ts';
import type { Scenario } from './plan.ts';

const AGENT = join(import.meta.dirname, '..', '..', 'examples', 'agent.sh');
const WORK = join(import.meta.dirname, 'work.sh');
const NAMES = ['ann', 'bob', 'cyd', 'dee', 'eli', 'fay', 'gus', 'hal'] as const;

export interface FleetOptions {
  readonly url: string;
  readonly token: string;
  readonly folder: string;
  readonly scenario: Scenario;
  readonly seed: number;
  readonly userEnv: Readonly<Record<string, string>>;
}

/** Agents: processes that know the address of the service and a token, and nothing else of it; each lives in a folder of its own. */
export class AgentFleet {
  readonly #children: Children;
  readonly #options: FleetOptions;
  readonly #running = new Map<string, Child>();

  constructor(children: Children, options: FleetOptions) {
    this.#children = children;
    this.#options = options;
  }

  get ledgers(): string {
    return join(this.#options.folder, 'ledgers');
  }

  /** Starts one more and gives its name. */
  start(): string {
    const { url, token, folder, scenario, seed, userEnv } = this.#options;
    const name = NAMES[this.#running.size] ?? `agent-${this.#running.size + 1}`;
    const home = join(folder, 'agents', name);
    mkdirSync(home, { recursive: true });
    const child = this.#children.start({
      command: 'sh',
      args: [AGENT, '--', 'sh', WORK],
      cwd: home,
      env: {
        ...userEnv,
        ...pickGit(),
        HOME: home,
        TMPDIR: home,
        SIGNALBOX_URL: url,
        SIGNALBOX_TOKEN: token,
        SIGNALBOX_AGENT: name,
        SIGNALBOX_LEDGER: join(this.ledgers, `${name}.ledger`),
        DEMO_SYNC: join(folder, 'sync'),
        DEMO_CONFLICTING: scenario.conflicting.join(' '),
        DEMO_VICTIM: scenario.victim,
        DEMO_UNFINISHED: scenario.unfinished,
        DEMO_SEED: String(seed),
      },
      logFile: join(folder, `${name}.log`),
      // A shell that waits for an answer listens to nothing else.
      asked: 'group',
    });
    this.#running.set(name, child);
    return name;
  }

  /** Ends an agent and the command it runs without a warning. */
  async kill(name: string): Promise<void> {
    const child = this.#running.get(name);
    child?.signal('SIGKILL', 'group');
    await child?.ended;
  }
}

/** Not who commits: agents commit under their own names. */
function pickGit(): Record<string, string> {
  const { GIT_CONFIG_NOSYSTEM, GIT_CONFIG_GLOBAL, GIT_TERMINAL_PROMPT } = GIT_ENVIRONMENT;
  return { GIT_CONFIG_NOSYSTEM, GIT_CONFIG_GLOBAL, GIT_TERMINAL_PROMPT };
}
