import { randomInt } from 'node:crypto';
import { Children } from './children.ts';
import { type DemoOptions, readOptions, USAGE, UsageError } from './options.ts';
import { repeatRuns } from './repeat-runs.ts';
import { makeRunFolder, removeRunFolder } from './run-folder.ts';
import { runDemo } from './run-demo.ts';
import { openScreen } from './screen.ts';

/** How long the processes of a run may take to end by themselves. */
const GRACE_MS = 10_000;
/** What a run should take at most on two cores that do nothing else. Missing it fails nothing: machines are shared. */
const GOAL_SECONDS = 120;
/** What every program may need; all other settings of the user stay outside. */
const PASSED_ON = ['PATH', 'LANG', 'LC_ALL', 'TZ'] as const;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
}

try {
  process.exitCode = await main(readOptions(process.argv.slice(2), randomInt(1_000_000)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}

function main(options: DemoOptions): Promise<number> {
  return repeatRuns({
    ...options,
    signal: interrupted.signal,
    run: (seed) => isProven(options, seed),
    say: (line) => console.log(line),
  });
}

async function isProven(options: DemoOptions, seed: number): Promise<boolean> {
  const folder = await makeRunFolder();
  const children = new Children(GRACE_MS);
  const agentNames = new Map<string, string>();
  const screen = openScreen(process.stdout, (id) => agentNames.get(id) ?? 'an agent', {
    isColored: process.env['NO_COLOR'] === undefined,
    // An address of the inspector is there to be copied.
    isPlain: options.inspect,
  });
  const started = Date.now();
  let isKept = true;
  try {
    const { signal } = interrupted;
    const { survived, proof } = await runDemo({
      folder,
      options,
      seed,
      children,
      screen,
      agentNames,
      userEnv: userEnv(),
      signal,
    });
    screen.close();
    if (proof.faults !== '') console.error(proof.faults);
    const seconds = Math.round((Date.now() - started) / 1_000);
    console.log(`seed ${seed}, ${seconds} s (goal: under ${GOAL_SECONDS} s)`);
    console.log(survived);
    console.log(proof.line);
    isKept = options.keep || (!proof.proven && options.sabotage === null);
    return proof.proven;
  } catch (error) {
    screen.close();
    const { aborted, reason } = interrupted.signal;
    const why: unknown = aborted ? reason : error;
    const sentence = why instanceof Error ? why.message : String(why);
    console.error(aborted ? `${sentence} (seed ${seed})` : `failed (seed ${seed}): ${sentence}`);
    isKept = options.keep || !interrupted.signal.aborted;
    return false;
  } finally {
    screen.close();
    await children.stop();
    if (isKept) console.error(`kept ${folder}`);
    else await removeRunFolder(folder);
  }
}

function userEnv(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
