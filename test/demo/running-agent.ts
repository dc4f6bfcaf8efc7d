import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type FakeService, TOKEN } from './fake-service.ts';

/** Runs examples/agent.sh against a service, with a command given as a shell script. */
export class RunningAgent {
  readonly ledger: string;
  readonly argvLog: string;
  readonly child: ChildProcess;
  stderr = '';
  readonly #closed: Promise<unknown>;

  constructor(service: FakeService, script: string, env: Readonly<Record<string, string>> = {}) {
    this.ledger = join(service.root, 'ann.ledger');
    this.argvLog = join(service.root, 'argv');
    const command = join(service.root, 'command.sh');
    writeFileSync(command, script);
    this.child = spawn('sh', ['examples/agent.sh', '--', 'sh', command], {
      detached: true,
      env: {
        PATH: [this.#shims(service.root), process.env['PATH']].join(delimiter),
        HOME: service.root,
        TMPDIR: service.root,
        GIT_CONFIG_SYSTEM: '/dev/null',
        SIGNALBOX_URL: service.url,
        SIGNALBOX_TOKEN: TOKEN,
        SIGNALBOX_AGENT: 'ann',
        SIGNALBOX_LEDGER: this.ledger,
        ROOT: service.root,
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#closed = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  entries(): string[] {
    return existsSync(this.ledger) ? readFileSync(this.ledger, 'utf8').trimEnd().split('\n') : [];
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch (error) {
      // One that was killed before it had a command leaves nobody behind.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async stop(): Promise<void> {
    this.kill();
    await this.#closed;
  }

  /** curl and git that write down their arguments first. */
  #shims(root: string): string {
    const folder = join(root, 'bin');
    mkdirSync(folder, { recursive: true });
    for (const program of ['curl', 'git']) {
      const rest = `PATH=\${PATH#*:}; export PATH; exec ${program} "$@"`;
      writeFileSync(join(folder, program), `#!/bin/sh\nprintf '%s\\n' "$*" >>"${root}/argv"\n${rest}\n`);
      chmodSync(join(folder, program), 0o755);
    }
    return folder;
  }
}
