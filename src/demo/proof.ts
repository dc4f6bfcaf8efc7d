import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where one project was delivered to. */
export interface Delivered {
  readonly key: string;
  readonly remote: string;
  readonly branch: string;
  readonly seed: string;
}

/** One line of a ledger: what the hub accepted from an agent. */
export interface LedgerEntry {
  readonly task: string;
  readonly category: string;
  readonly project: string;
  readonly commit: string;
  readonly blob: string;
}

export interface Proof {
  readonly proven: boolean;
  /** The last line of the script. */
  readonly line: string;
  /** What it found wrong. */
  readonly faults: string;
}

const SCRIPT = join(import.meta.dirname, '..', '..', 'scripts', 'prove.sh');

/** Runs scripts/prove.sh, which reads git, ledgers and remotes, and nothing of the service. */
export function prove(planKeys: string, ledgers: string, delivered: readonly Delivered[]): Promise<Proof> {
  const projects = delivered.flatMap(({ key, remote, branch }) => ['--project', key, remote, branch]);
  const args = [SCRIPT, '--plan-keys', planKeys, '--ledgers', ledgers, ...projects];
  return new Promise((resolve) => {
    execFile('sh', args, { env: { PATH: process.env['PATH'] } }, (error, stdout, stderr) => {
      const line = stdout.trimEnd().split('\n').at(-1) ?? '';
      resolve({ proven: error === null && line.startsWith('proven: '), line, faults: stderr.trimEnd() });
    });
  });
}

/** All entries of all ledgers. */
export async function readLedgers(folder: string): Promise<readonly LedgerEntry[]> {
  const names = await readdir(folder);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) => text.split('\n').filter(Boolean).map(entryOf));
}

function entryOf(line: string): LedgerEntry {
  const [task = '', category = '', project = '', commit = '', blob = ''] = line.split(' ');
  return { task, category, project, commit, blob };
}
