import type { BoundaryPoint } from './boundary.ts';
import { GitError } from './git-error.ts';
import { sweepLocks } from './lock-sweep.ts';
import { type RefChange, RefTransaction } from './ref-transaction.ts';
import type { Repository } from './repository.ts';

export interface RefMove {
  repository: Repository;
  changes: readonly RefChange[];
}

export interface MovePorts {
  /** Asked when every lock is held: after it, whoever fences us waits for our locks. */
  assertHeld(): Promise<void>;
  pass(point: BoundaryPoint): Promise<void>;
  exclusively: <T>(name: string, work: () => Promise<T>) => Promise<T>;
}

const lockTries = 20;
const lockWaitMs = 50;

/**
 * Moves refs in several repositories: prepares all, then commits all. False when a ref did not stand where it was expected; then
 * nothing has moved. An exception once the first commit has begun may leave some moved: only the crash rule may go on from there.
 */
export async function moveRefs(moves: readonly RefMove[], ports: MovePorts): Promise<boolean> {
  const prepared: RefTransaction[] = [];
  let isCommitting = false;
  try {
    for (const move of moves) prepared.push(await prepareSweeping(move, ports));
    await ports.pass('after-prepare');
    await ports.assertHeld();
    // All or none from here on: a signal between two commits would leave the landing half done until somebody comes for it.
    for (const transaction of prepared) transaction.shield();
    isCommitting = true;
    const total = prepared.length;
    for (let index = 0; index < total; index++) {
      if (index > 0) await ports.pass('between-commits');
      await prepared.shift()?.commit();
    }
  } catch (error) {
    await Promise.allSettled(prepared.map((transaction) => transaction.abort()));
    if (!isCommitting && error instanceof GitError && error.code === 'ref_moved') return false;
    throw error;
  }
  await ports.pass('after-commits');
  return true;
}

/** A lock is either a git at work, which will let go, or what a dead one left, which the lock rule removes. */
async function prepareSweeping(move: RefMove, ports: MovePorts): Promise<RefTransaction> {
  for (let tried = 1; ; tried++) {
    try {
      return await RefTransaction.prepare(move.repository, move.changes);
    } catch (error) {
      if (!(error instanceof GitError) || error.code !== 'ref_locked' || tried === lockTries) throw error;
      const { swept } = await sweepLocks(move.repository.dir, ports.exclusively);
      if (swept.length === 0) await new Promise((resolve) => setTimeout(resolve, lockWaitMs));
    }
  }
}
