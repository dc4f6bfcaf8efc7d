/**
 * Names of the refs that hold commits no branch holds: nothing we were given may become unreachable. The push hook names one more,
 * `refs/signalbox/keep/rewritten/<tip>`, for what an agent has rewritten.
 */

/** The merge commit a landing has built and not yet put on its target. */
export function landingKeepRef(effectId: string): string {
  return `refs/signalbox/keep/landing/${effectId}`;
}

/** A delivery's merge commit until the remote has it. */
export function deliveryKeepRef(effectId: string): string {
  return `refs/signalbox/keep/delivery/${effectId}`;
}

/** The commits that take a delivery back and give it again, until the branches they are for have them. */
export function revertKeepRef(effectId: string): string {
  return `refs/signalbox/keep/revert/${effectId}`;
}

/** A target's tip before a landing moved it. Named after the tip, so that the crash rule may move a ref more than once. */
export function landingBackupRef(effectId: string, tip: string): string {
  return `refs/signalbox/backup/landing/${effectId}/${tip.slice(0, 16)}`;
}

/** Where a remote's branch stood that the remote no longer has, when its name was wanted for another one. */
export function trackingBackupRef(tip: string): string {
  return `refs/signalbox/backup/remote/${tip}`;
}
