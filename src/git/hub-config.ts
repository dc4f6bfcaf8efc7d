import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Faults in old history that every git host has learned to live with; they are reported, not refused. */
const toleratedFaults = [
  'badTimezone',
  'missingSpaceBeforeDate',
  'zeroPaddedFilemode',
  'missingSpaceBeforeEmail',
  'badEmail',
  'gitmodulesName',
];

/**
 * The config of a hub repository, written whole, so that whatever was changed by hand is put right at the next start.
 * Loose objects and refs are not flushed by default: a push we have acknowledged must survive a power cut.
 */
export function hubConfig(options: { hooksDir: string; maxPackBytes: number }): string {
  return [
    '[core]',
    '\trepositoryformatversion = 0',
    '\tfilemode = true',
    '\tbare = true',
    '\tfsync = all',
    '\tfsyncMethod = fsync',
    `\thooksPath = ${quote(options.hooksDir)}`,
    '[gc]',
    '\tauto = 0',
    '\tpruneExpire = never',
    '[maintenance]',
    '\tauto = false',
    '[receive]',
    '\tfsckObjects = true',
    '\tunpackLimit = 1',
    '\tautogc = false',
    '\tupdateServerInfo = false',
    '\tdenyDeletes = true',
    '\tprocReceiveRefs = refs',
    `\tmaxInputSize = ${options.maxPackBytes}`,
    '[fetch]',
    '\tfsckObjects = true',
    '\tunpackLimit = 1',
    '\tprune = false',
    '\twriteCommitGraph = false',
    '[fetch "fsck"]',
    ...toleratedFaults.map((fault) => `\t${fault} = warn`),
    '[uploadpack]',
    '\tallowTipSHA1InWant = false',
    '\tallowReachableSHA1InWant = false',
    '\tallowAnySHA1InWant = false',
    '\tallowFilter = true',
    '[http]',
    '\tgetanyfile = false',
    '\tuploadpack = true',
    '\treceivepack = true',
    '',
  ].join('\n');
}

function quote(value: string): string {
  return `"${value.replace(/(["\\])/g, '\\$1')}"`;
}

/** Writes a file whole or not at all; does nothing when it is already there with this content and mode. */
export async function writeWhole(path: string, content: string, mode?: number): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => null)) === content) {
    // A backup that was restored may have lost the mode.
    if (mode !== undefined && ((await stat(path)).mode & 0o777) !== mode) await chmod(path, mode);
    return;
  }
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content);
  if (mode !== undefined) await chmod(draft, mode);
  await rename(draft, path);
}

/**
 * The hub's own hooks, the only ones that run: a shell script that refuses, and a small shell file that starts the program beside
 * this one that moves the refs. Which Node it runs on is said by the service that serves the push: services that share the hub, on several
 * machines perhaps, have theirs in different places. A push that came another way does not get that far.
 */
export async function installHooks(hooksDir: string): Promise<void> {
  const beside = (name: string): string => fileURLToPath(new URL(`./hooks/${name}`, import.meta.url));
  const refuse = await readFile(beside('pre-receive.sh'), 'utf8');
  const program = beside('proc-receive.mjs');
  const move = `#!/bin/sh\nexec "$SIGNALBOX_HOOK_NODE" ${shellQuote(program)}\n`;
  await writeWhole(join(hooksDir, 'pre-receive'), refuse, 0o755);
  await writeWhole(join(hooksDir, 'proc-receive'), move, 0o755);
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
