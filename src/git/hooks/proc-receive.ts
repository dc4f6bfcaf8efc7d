import { spawnSync } from 'node:child_process';
import { rewrittenKeepRef } from '../keep-refs.ts';
import { type PushGrant, readGrant } from './grant.ts';
import { flushPacket, packet, PacketReader } from './packet-line.ts';

/**
 * Moves the refs of a push instead of git (git-receive-pack's proc-receive protocol, version 1): only here can an old tip be kept in
 * the same transaction that rewrites it, and a late push be put where it is kept. The refs are on disk before the answer is written.
 */
const grant = readGrant(process.env);
/** How often a late push looks again because another one came between. */
const lateTries = 40;
const lateWaitMs = 50;
const reader = new PacketReader(process.stdin);

const greeting = await reader.section();
if (!greeting.some((line) => line.startsWith('version=1')))
  throw new Error('this git speaks another version of the proc-receive protocol');
process.stdout.write(packet('version=1') + flushPacket);
const commands = (await reader.section()).map(parseCommand);
process.stdout.write(commands.map((command) => report(command, grant)).join('') + flushPacket);

interface PushCommand {
  old: string;
  new: string;
  ref: string;
}

function parseCommand(line: string): PushCommand {
  const [old = '', next = '', ref = ''] = line.split(' ');
  return { old, new: next, ref };
}

function isZero(oid: string): boolean {
  return /^0+$/.test(oid);
}

/** The pre-receive hook has refused what is not granted, with a reason; this one only has to know what it may move. */
function report(command: PushCommand, allowed: PushGrant | null): string {
  if (command.ref !== allowed?.ref || isZero(command.new)) return packet(`ng ${command.ref} not granted`);
  return allowed.mode === 'late' ? keepLate(command, allowed) : moveAttempt(command);
}

function moveAttempt(command: PushCommand): string {
  const rewrites =
    !isZero(command.old) && git(['merge-base', '--is-ancestor', command.old, command.new]).status !== 0;
  const keep = rewrites ? [`update ${rewrittenKeepRef(command.old)} ${command.old}`] : [];
  const failure = updateRefs([`update ${command.ref} ${command.new} ${command.old}`, ...keep]);
  return packet(failure === null ? `ok ${command.ref}` : `ng ${command.ref} ${failure}`);
}

function keepLate(command: PushCommand, late: { keepAs: string }): string {
  let kept = moveLate(command, late);
  for (let tried = 1; isRace(kept.failure) && tried < lateTries; tried++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lateWaitMs);
    kept = moveLate(command, late);
  }
  const { before, failure } = kept;
  if (failure !== null) return packet(`ng ${command.ref} ${failure}`);
  process.stderr.write(
    `signalbox: your lease is over. This push is kept as ${late.keepAs} and will not be merged by itself.\n`,
  );
  return (
    packet(`ok ${command.ref}`) +
    packet(`option refname ${late.keepAs}`) +
    packet(`option old-oid ${before}`) +
    packet(`option new-oid ${command.new}`)
  );
}

/** The old value makes sure that what is replaced is what is kept: of two pushes at once neither may vanish. */
function moveLate(
  command: PushCommand,
  late: { keepAs: string },
): { before: string; failure: string | null } {
  const tip = git(['rev-parse', '--verify', '--quiet', late.keepAs]).stdout.trim();
  const before = tip === '' ? '0'.repeat(command.new.length) : tip;
  const keep = tip === '' || tip === command.new ? [] : [`update ${rewrittenKeepRef(tip)} ${tip}`];
  return { before, failure: updateRefs([`update ${late.keepAs} ${command.new} ${before}`, ...keep]) };
}

function isRace(failure: string | null): boolean {
  return failure !== null && /^push_(outrun|busy):/.test(failure);
}

/** One transaction; null when the refs have moved, otherwise what to tell the one who pushes. */
function updateRefs(instructions: readonly string[]): string | null {
  const { status, stderr } = git(
    ['update-ref', '--no-deref', '--stdin'],
    `start\n${instructions.join('\n')}\nprepare\ncommit\n`,
  );
  if (status === 0) return null;
  if (/but expected|already exists|unable to resolve/.test(stderr))
    return 'push_outrun: the branch moved while you pushed; fetch and push again';
  if (/File exists/.test(stderr)) return 'push_busy: another push to this branch is under way; push again';
  return 'push_failed: the hub could not move the branch; push again';
}

function git(args: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('git', args, { input, encoding: 'utf8' });
}
