// @ts-check
import { spawnSync } from 'node:child_process';
import { flushPacket, packet, PacketReader } from './packet-line.mjs';

/**
 * Moves the refs of a push instead of git (git-receive-pack's proc-receive protocol, version 1): only here can an old tip be kept in
 * the same transaction that rewrites it, and a late push be put where it is kept. The refs are on disk before the answer is written.
 *
 * It runs for every push, and Node needs three times as long to start with a program in TypeScript: this one is JavaScript.
 *
 * @typedef {import('./grant.ts').PushGrant} PushGrant
 * @typedef {{ old: string, new: string, ref: string }} PushCommand
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

/**
 * What `grantEnvironment` has written. A push that came another way has none of it, and then it may do nothing.
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @returns {PushGrant | null}
 */
function readGrant(environment) {
  const { SIGNALBOX_PUSH_REF: ref, SIGNALBOX_PUSH_KEEP_AS: keepAs } = environment;
  if (ref === undefined) return null;
  return keepAs === undefined ? { mode: 'attempt', ref } : { mode: 'late', ref, keepAs };
}

/**
 * @param {string} line
 * @returns {PushCommand}
 */
function parseCommand(line) {
  const [old = '', next = '', ref = ''] = line.split(' ');
  return { old, new: next, ref };
}

/** @param {string} oid */
function isZero(oid) {
  return /^0+$/.test(oid);
}

/**
 * Where an attempt's tip is kept that its agent rewrote.
 * @param {string} tip
 */
function rewrittenKeepRef(tip) {
  return `refs/signalbox/keep/rewritten/${tip}`;
}

/**
 * The pre-receive hook has refused what is not granted, with a reason; this one only has to know what it may move.
 * @param {PushCommand} command
 * @param {PushGrant | null} allowed
 */
function report(command, allowed) {
  if (command.ref !== allowed?.ref || isZero(command.new)) return packet(`ng ${command.ref} not granted`);
  return allowed.mode === 'late' ? keepLate(command, allowed) : moveAttempt(command);
}

/** @param {PushCommand} command */
function moveAttempt(command) {
  const rewrites =
    !isZero(command.old) && git(['merge-base', '--is-ancestor', command.old, command.new]).status !== 0;
  const keep = rewrites ? [`update ${rewrittenKeepRef(command.old)} ${command.old}`] : [];
  const failure = updateRefs([`update ${command.ref} ${command.new} ${command.old}`, ...keep]);
  return packet(failure === null ? `ok ${command.ref}` : `ng ${command.ref} ${failure}`);
}

/**
 * @param {PushCommand} command
 * @param {{ keepAs: string }} late
 */
function keepLate(command, late) {
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

/**
 * The old value makes sure that what is replaced is what is kept: of two pushes at once neither may vanish.
 * @param {PushCommand} command
 * @param {{ keepAs: string }} late
 * @returns {{ before: string, failure: string | null }}
 */
function moveLate(command, late) {
  const tip = git(['rev-parse', '--verify', '--quiet', late.keepAs]).stdout.trim();
  const before = tip === '' ? '0'.repeat(command.new.length) : tip;
  const keep = tip === '' || tip === command.new ? [] : [`update ${rewrittenKeepRef(tip)} ${tip}`];
  return { before, failure: updateRefs([`update ${late.keepAs} ${command.new} ${before}`, ...keep]) };
}

/** @param {string | null} failure */
function isRace(failure) {
  return failure !== null && /^push_(outrun|busy):/.test(failure);
}

/**
 * One transaction; null when the refs have moved, otherwise what to tell the one who pushes.
 * @param {readonly string[]} instructions
 */
function updateRefs(instructions) {
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

/**
 * @param {readonly string[]} args
 * @returns {{ status: number | null, stdout: string, stderr: string }}
 */
function git(args, input = '') {
  return spawnSync('git', args, { input, encoding: 'utf8' });
}
