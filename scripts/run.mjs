// `npm start`, `npm test` and the other commands come through here. It runs on whatever Node the machine has (no syntax younger than Node 12), finds the right
// one, and says in one sentence what is missing.
import { spawn } from 'child_process';
import { existsSync } from 'fs';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';
import { scrubbedEnvironment } from './environment.mjs';
import { gitFault, nodeFault } from './requirements.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

// `keep` names what may come in from outside; a command without it takes the whole environment.
const commands = {
  start: { script: 'src/main.ts' },
  demo: { script: 'src/demo/main.ts', keep: [] },
  test: { script: 'node_modules/vitest/vitest.mjs', args: ['run'], keep: ['SIGNALBOX_TEST_DATABASE_URL'] },
  property: { script: 'scripts/property.ts', keep: ['SIGNALBOX_TEST_DATABASE_URL'] },
  check: { script: 'scripts/check.ts', keep: ['SIGNALBOX_TEST_DATABASE_URL'] },
  mutants: { script: 'scripts/mutants.ts', keep: ['SIGNALBOX_TEST_DATABASE_URL'] },
};

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function findNode() {
  if (nodeFault(process.versions.node) === null) return process.execPath;
  const brought = join(root, 'node_modules', '.bin', 'node');
  return existsSync(brought) ? brought : null;
}

function main() {
  const name = process.argv[2];
  const command = Object.prototype.hasOwnProperty.call(commands, name) ? commands[name] : null;
  if (command === null) return fail('usage: node scripts/run.mjs ' + Object.keys(commands).join('|'));
  const node = findNode();
  if (node === null) return fail(nodeFault(process.versions.node));
  const fault = gitFault();
  if (fault !== null) return fail(fault);
  if (!existsSync(join(root, 'node_modules', 'zod')))
    return fail('Signalbox is not installed yet: run "npm ci" first.');

  const script = join(root, command.script);
  const args = (command.args || []).concat(process.argv.slice(3));
  const env = command.keep ? scrubbedEnvironment(process.env, command.keep) : process.env;
  // Paths in the settings are relative to where this script is started: with `npm start` always the checkout. All else belongs to the checkout.
  const child = spawn(node, [script].concat(args), {
    stdio: 'inherit',
    env: env,
    cwd: name === 'start' ? process.cwd() : root,
  });
  child.on('error', function (error) {
    fail('could not run ' + node + ': ' + error.message);
  });
  // A terminal sends Ctrl-C to both of us; other signals come to this process only. The child decides when it has ended.
  process.on('SIGINT', function () {});
  ['SIGTERM', 'SIGHUP', 'SIGQUIT'].forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

main();
