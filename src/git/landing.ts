import type { BoundaryPoint } from './boundary.ts';
import { holdingClaims } from './claim-renewal.ts';
import { forward, movePorts, resolveIntents, type RulePorts } from './crash-rule.ts';
import { GitError } from './git-error.ts';
import type { LandingClaim, StoredIntent, StoredLanding } from './intent-store.ts';
import { checkLandingRequest, type Decision, decideAll, movesOf, stopResult } from './landing-plan.ts';
import { mergeAll, prepareIntents } from './landing-prepare.ts';
import { LaneBusy, type LandingPorts, type LandingRequest, type LandingResult } from './landing-types.ts';
import { moveRefs } from './move-refs.ts';

/** How long to wait before asking again whether somebody has merged. */
const heldLaneMs = 1_000;

/** How often a landing begins again because a target moved between reading and locking it. */
const maxRounds = 5;

interface Landing extends RulePorts {
  signal: AbortSignal;
  request: LandingRequest;
  claim: LandingClaim;
}

/**
 * Lands a unit on its target in all its projects, or in none. Throws LaneBusy while others are before it, and GitError when git
 * fails: neither counts as landed. Safe to call again after a crash at any point, with a higher attempt: it goes on from what the
 * store and the refs say.
 */
export async function land(request: LandingRequest, ports: LandingPorts): Promise<LandingResult> {
  checkLandingRequest(request);
  const { effectId, attempt, unit, author } = request;
  const lanes = request.projects
    .filter((project) => project.source !== null)
    .map((project) => ({ projectId: project.projectId, ref: project.targetRef }));
  const entered = await ports.store.enter({ effectId, attempt, unit, author, lanes });
  if (!entered.held) throw new LaneBusy(entered, entered.holder === undefined ? undefined : heldLaneMs);

  return holdingClaims(ports.store, ports.signal, async (held) => {
    held.add(entered.claim);
    const pass = passing(ports.boundary, held.signal);
    // A git of this landing ends when the effect's lease or the landing's claim is lost: whoever comes next wants its locks.
    const landing: Landing = {
      ...ports,
      pass,
      request: {
        ...request,
        projects: request.projects.map((project) => ({
          ...project,
          repository: project.repository.until(held.signal),
        })),
      },
      repositoryOf: (projectId) => ports.repositoryOf(projectId).until(held.signal),
      signal: held.signal,
      claim: entered.claim,
    };
    try {
      for (const leftover of await ports.store.takeOver(entered.claim, lanes)) {
        held.add(leftover);
        await finishLeftover(leftover, landing);
      }
      const result = await run(landing);
      await ports.store.leave(entered.claim);
      await pass('before-result');
      return result;
    } catch (error) {
      // It may come back much later, or never. Who waits in the lane must not wait for our lease to end.
      if (!(error instanceof LaneBusy)) await leaveUnlessOpen(landing);
      // A git that was ended only says that it was ended; why is what the signal says.
      const isEnded = error instanceof GitError && error.code === 'git_aborted';
      throw isEnded && held.signal.reason instanceof GitError ? held.signal.reason : error;
    }
  });
}

/** A landing with open intents keeps its place: its refs are its own until the crash rule has been over them. */
async function leaveUnlessOpen({ store, claim, log }: Landing): Promise<void> {
  try {
    const stored = await store.load(claim.effectId);
    if (stored?.intents.some((intent) => intent.state === 'open') !== true) await store.leave(claim);
  } catch (error) {
    // What was thrown first says more; a claim that was lost, or a database that is away, leaves it to the lease.
    log.info({ effectId: claim.effectId, err: error }, 'a failed landing could not leave its lane');
  }
}

/** A boundary, before which a landing that is to stop does stop, except where refs may have moved already. */
function passing(
  boundary: LandingPorts['boundary'],
  signal: AbortSignal,
): (point: BoundaryPoint) => Promise<void> {
  return async (point) => {
    if (point !== 'between-commits' && point !== 'after-commits' && point !== 'before-result')
      signal.throwIfAborted();
    await boundary(point);
  };
}

/**
 * Another landing's process died and nobody has come back for it: its intents are resolved before ours are written. If git fails at
 * that, it is that landing's fault and not ours: we wait, and it is looked at again when its lease is over.
 */
async function finishLeftover(leftover: StoredLanding, landing: Landing): Promise<void> {
  landing.log.warn(
    { effectId: leftover.effectId, by: landing.claim.effectId },
    'finishing a landing whose lease is over',
  );
  try {
    await resolveIntents(leftover, landing);
    await landing.store.close(leftover);
  } catch (error) {
    if (!(error instanceof GitError) || landing.signal.aborted) throw error;
    const [open] = leftover.intents.filter((intent) => intent.state === 'open');
    const lane = { behind: leftover.effectId, projectId: open?.projectId ?? '', ref: open?.ref ?? '' };
    if (error.code === 'landing_superseded') throw new LaneBusy(lane);
    const { effectId: by } = landing.claim;
    landing.log.warn(
      { ...lane, by, code: error.code, err: error },
      'a landing whose lease is over can not be finished',
    );
    throw new LaneBusy({ ...lane, fault: error }, landing.store.leaseMs);
  }
}

async function run(landing: Landing): Promise<LandingResult> {
  for (let round = 0; round < maxRounds; round++) {
    const stored = await landing.store.load(landing.claim.effectId);
    const result = (stored === null ? null : await resume(stored, landing)) ?? (await begin(stored, landing));
    if (result !== null) return result;
  }
  throw new GitError('target_keeps_moving', 'a target moved each time this landing was about to take it');
}

/** What an earlier attempt, or whoever took over from it, has left. Null when there is nothing to go on from. */
async function resume(stored: StoredLanding, landing: Landing): Promise<LandingResult | null> {
  const moving = stored.intents.filter((intent) => intent.state !== 'none');
  if (moving.some((intent) => intent.state === 'open')) {
    return finish({ ...stored, ...landing.claim }, landing);
  }
  const closed =
    moving.length > 0 && moving.every((intent) => intent.state === 'closed' && intent.outcome === 'done');
  return closed ? landed(stored.intents, landing) : null;
}

/** Steps 1, 2, 3 and 5: decide, merge in memory, prepare, write the intents, move the refs. Null: a target moved, begin again. */
async function begin(stored: StoredLanding | null, landing: Landing): Promise<LandingResult | null> {
  const decisions = await decideAll(landing.request);
  const stop = stopResult(decisions);
  if (stop !== null) return stop;
  const moves = movesOf(decisions);
  if (moves.length === 0) return landed(decisions.map(unmoved), landing);

  let intents = stored === null ? null : reusable(stored, decisions);
  if (intents === null) {
    await landing.pass('before-merge');
    const merged = await mergeAll(moves, landing.engine);
    if (merged.conflicts.length > 0) return { result: 'conflict', conflicts: merged.conflicts };
    await landing.pass('after-merge');
    intents = [
      ...(await prepareIntents(merged.clean, landing.request)),
      ...decisions
        .filter((decision) => decision.kind === 'empty' || decision.kind === 'already')
        .map(unmoved),
    ];
    await landing.store.prepare(landing.claim, intents);
  }
  await landing.pass('before-intents');
  await landing.store.open(landing.claim);
  await landing.pass('after-intents');
  const moving = intents.filter((intent) => intent.state !== 'none');
  const taken = moving.map((intent) =>
    forward(landing.claim, {
      intent,
      repository: landing.repositoryOf(intent.projectId),
      tip: intent.before,
    }),
  );
  if (!(await moveRefs(taken, movePorts(landing.claim, landing)))) {
    await landing.store.abort(landing.claim);
    return null;
  }
  const opened = await landing.store.load(landing.claim.effectId);
  if (opened === null) throw new GitError('landing_superseded', 'the intents of this landing are gone');
  return finish({ ...opened, ...landing.claim }, landing);
}

/** Step 6, and everything after a crash: read the refs back and let the crash rule bring the landing to its end. */
async function finish(stored: StoredLanding, landing: Landing): Promise<LandingResult> {
  const resolved = await resolveIntents(stored, landing);
  return resolved.outcome === 'done'
    ? landed(resolved.intents, landing)
    : { result: 'conflict', conflicts: resolved.conflicts };
}

/** The stored commits, if they are for exactly what is to land now: a retry lands what was built and checked, not a rebuild. */
function reusable(stored: StoredLanding, decisions: readonly Decision[]): StoredIntent[] | null {
  const prepared = new Map(
    stored.intents
      .filter((intent) => intent.state === 'prepared')
      .map((intent) => [intent.projectId, intent]),
  );
  const moves = movesOf(decisions);
  const same = (move: (typeof moves)[number]): boolean => {
    const intent = prepared.get(move.project.projectId);
    return (
      intent !== undefined &&
      intent.ref === move.project.targetRef &&
      intent.source === move.source &&
      intent.before === move.tip &&
      intent.mode === move.kind
    );
  };
  return moves.length === prepared.size && moves.every(same) ? stored.intents : null;
}

function unmoved(decision: Decision): StoredIntent {
  if (decision.kind !== 'empty' && decision.kind !== 'already')
    throw new TypeError(`a ${decision.kind} is no project at rest`);
  const { project, tip, kind } = decision;
  return {
    projectId: project.projectId,
    ref: project.targetRef,
    mode: project.mode,
    source: project.source,
    result: kind,
    before: tip,
    after: tip,
    state: 'none',
    outcome: null,
  };
}

/** In the order in which the projects were asked for. */
function landed(intents: readonly StoredIntent[], { request }: Landing): LandingResult {
  const byProject = new Map(
    intents.map(({ projectId, result, before, after }) => [projectId, { projectId, result, before, after }]),
  );
  return {
    result: 'landed',
    projects: request.projects.flatMap(({ projectId }) => byProject.get(projectId) ?? []),
  };
}
