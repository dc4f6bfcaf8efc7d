// Read by whatever Node the machine has, so: no syntax younger than Node 12.
import { spawnSync } from 'child_process';

/** The first that run TypeScript without a flag: Node 23 came before the 22.18 that has it, too. */
const oldestNode = [22, 18];
const oldestNode23 = [23, 6];
const oldestGit = [2, 38];

/** Whether a version such as "22.23.2" is at least [22, 18]. */
export function isAtLeast(version, oldest) {
  const parts = version.split('.').map(Number);
  return parts[0] > oldest[0] || (parts[0] === oldest[0] && parts[1] >= oldest[1]);
}

/** What is wrong with this Node, in one sentence with the fix; null when it will do. */
export function nodeFault(version) {
  const oldest = version.split('.')[0] === '23' ? oldestNode23 : oldestNode;
  if (isAtLeast(version, oldest)) return null;
  return (
    'Signalbox needs Node ' +
    oldest.join('.') +
    ' or newer and this is Node ' +
    version +
    ': run "npm ci" (without --omit=optional), which brings the right one along, or install a newer Node.'
  );
}

/** What is wrong with the machine's git, in one sentence with the fix; null when it will do. */
export function gitFault() {
  const fix =
    'install git ' +
    oldestGit.join('.') +
    ' or newer (Debian and Ubuntu: apt-get install git; macOS: brew install git).';
  const asked = spawnSync('git', ['--version'], { encoding: 'utf8' });
  if (asked.error) return 'Signalbox needs git and found none on the PATH: ' + fix;
  const found = /(\d+\.\d+(\.\d+)?)/.exec(asked.stdout || '');
  if (found === null) return 'Signalbox needs git, and the one on the PATH does not tell its version: ' + fix;
  if (isAtLeast(found[1], oldestGit)) return null;
  return 'Signalbox needs git ' + oldestGit.join('.') + ' or newer and found git ' + found[1] + ': ' + fix;
}
