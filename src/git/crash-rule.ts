import type { BoundaryPoint } from './boundary.ts';
import { GitError } from './git-error.ts';
import type { StoredIntent, StoredLanding } from './intent-store.ts';
import { landingBackupRef, landingKeepRef } from './keep-refs.ts';
import { buildMergeCommit } from './landing-commit.ts';
import type { LandingPorts, ProjectConflict } from './landing-types.ts';
import type { Conflict } from './merge-engine.ts';
import { moveRefs, type RefMove } from './move-refs.ts';
import type { Repository } from './repository.ts';

export interface RulePorts extends Pick<LandingPorts, 'store' | 'engine' | 'log' | 'repositoryOf'> {
  pass(point: BoundaryPoint): Promise<void>;
}

export type RuleOutcome =
  | { outcome: 'done'; intents: StoredIntent[] }
  | { outcome: 'undone'; conflicts: ProjectConflict[] };

interface Standing {
  intent: StoredIntent;
  repository: Repository;
  tip: string | null;
  /** `done`: the commit is on the ref. `apply`: the ref stands where the intent expects it. `foreign`: someone else moved it. */
  is: 'done' | 'apply' | 'foreign';
}

const maxRounds = 10;

/**
 * Brings a landing with open intents to an end, from what the refs say: new at the ref, or contained in it, is done; old at the
 * ref gets the stored commit; anything else was an outside writer, whose tip is merged with where that is clean. Where it is not,
 * what had moved goes back, unless someone has built on it. Running it twice, or by two processes, ends the same.
 */
export async function resolveIntents(landing: StoredLanding, ports: RulePorts): Promise<RuleOutcome> {
  for (let round = 0; round < maxRounds; round++) {
    const stored = round === 0 ? landing : ((await ports.store.load(landing.effectId)) ?? landing);
    const open = stored.intents.filter((intent) => intent.state === 'open');
    const standings = await Promise.all(
      open.map((intent) => stand(intent, ports.repositoryOf(intent.projectId))),
    );
    const foreign = standings.filter((standing) => standing.is === 'foreign');
    if (foreign.length > 0) {
      const conflicts = await mergeOntoForeign(landing, foreign, ports);
      if (conflicts.length > 0 && (await undo(landing, standings, ports))) {
        await ports.store.settle(landing, 'undone');
        return { outcome: 'undone', conflicts: [...conflicts, ...builtUpon(landing, standings, ports)] };
      }
      continue;
    }
    const waiting = standings.filter((standing) => standing.is === 'apply');
    if (waiting.length === 0) {
      await ports.store.settle(landing, 'done');
      return { outcome: 'done', intents: stored.intents };
    }
    await moveRefs(
      waiting.map((standing) => forward(landing, standing)),
      movePorts(landing, ports),
    );
  }
  throw new GitError(
    'target_keeps_moving',
    'the targets of this landing are being moved by someone else faster than it can land',
  );
}

async function stand(intent: StoredIntent, repository: Repository): Promise<Standing> {
  const tip = await repository.readTip(intent.ref);
  if (tip === intent.before)
    return { intent, repository, tip, is: intent.before === intent.after ? 'done' : 'apply' };
  if (tip !== null && (await repository.isAncestor(intent.after, tip)))
    return { intent, repository, tip, is: 'done' };
  // A ref that someone deleted is put back where the landing wanted it.
  return { intent, repository, tip, is: tip === null ? 'apply' : 'foreign' };
}

/** The move of one project: the ref by compare-and-swap, and its old tip under a backup ref in the same transaction. */
export function forward(
  landing: { effectId: string },
  { intent, repository, tip }: Pick<Standing, 'intent' | 'repository' | 'tip'>,
): RefMove {
  const changes = [{ ref: intent.ref, old: tip, new: intent.after }];
  return {
    repository,
    changes:
      tip === null
        ? changes
        : [...changes, { ref: landingBackupRef(landing.effectId, tip), old: undefined, new: tip }],
  };
}

export function movePorts(landing: StoredLanding | { effectId: string; fence: number }, ports: RulePorts) {
  return {
    assertHeld: () => ports.store.assertHeld(landing),
    pass: (point: BoundaryPoint) => ports.pass(point),
    exclusively: <T>(name: string, work: () => Promise<T>) => ports.store.exclusively(name, work),
  };
}

/** Builds and stores the commits for tips of outside writers; gives the conflicts where that is not possible. */
async function mergeOntoForeign(
  landing: StoredLanding,
  foreign: readonly Standing[],
  ports: RulePorts,
): Promise<ProjectConflict[]> {
  const conflicts: ProjectConflict[] = [];
  for (const { intent, repository, tip } of foreign) {
    if (tip === null || intent.source === null) continue;
    ports.log.warn(
      { effectId: landing.effectId, projectId: intent.projectId, ref: intent.ref, tip },
      'a ref was moved by an outside writer during its landing',
    );
    if (await repository.isAncestor(intent.source, tip)) {
      await ports.store.replace(landing, intent.projectId, tip, tip);
      continue;
    }
    const found = await mergeClean(landing, intent, repository, tip, intent.source, ports);
    if (found.length > 0)
      conflicts.push({ projectId: intent.projectId, target: tip, source: intent.source, conflicts: found });
  }
  return conflicts;
}

async function mergeClean(
  landing: StoredLanding,
  intent: StoredIntent,
  repository: Repository,
  tip: string,
  source: string,
  ports: RulePorts,
): Promise<Conflict[]> {
  if ((await repository.mergeBase(tip, source)) === null) {
    return [
      {
        path: intent.ref,
        type: 'CONFLICT (unrelated histories)',
        message: 'the outside tip shares no history with what is to land',
        stages: {},
      },
    ];
  }
  const merged = await ports.engine.merge(repository, tip, source);
  if (!merged.clean) return merged.conflicts;
  const { effectId, unit, author } = landing;
  const after = await buildMergeCommit(repository, {
    tree: merged.tree,
    before: tip,
    source,
    unit,
    effectId,
    author,
    keepRef: landingKeepRef(effectId),
  });
  await ports.store.replace(landing, intent.projectId, tip, after);
  return [];
}

/**
 * Moves back what had moved, keeping every tip it takes away. False when a ref moved meanwhile: look again.
 *
 * Only a ref that stands exactly where this landing put it goes back. Where an outside writer has built on it, going back would take
 * that work off its branch, where nobody would look for it again. There the landing stays: its work was wanted on that branch, what
 * resolves the conflict elsewhere finds it landed already, and the conflict that is answered says so.
 */
async function undo(
  landing: StoredLanding,
  standings: readonly Standing[],
  ports: RulePorts,
): Promise<boolean> {
  const moves = standings
    .filter((standing) => hasMoved(standing) && standing.tip === standing.intent.after)
    .map(({ intent, repository }): RefMove => {
      const { ref, before, after } = intent;
      const keep = { ref: landingBackupRef(landing.effectId, after), old: undefined, new: after };
      return { repository, changes: [{ ref, old: after, new: before }, keep] };
    });
  return moveRefs(moves, movePorts(landing, ports));
}

/** The refs that an undone landing leaves where they are, as an answer to whoever is to resolve the conflict. */
function builtUpon(
  landing: StoredLanding,
  standings: readonly Standing[],
  ports: RulePorts,
): ProjectConflict[] {
  return standings.flatMap((standing): ProjectConflict[] => {
    const { intent, tip } = standing;
    if (!hasMoved(standing) || tip === null || tip === intent.after) return [];
    const fields = { effectId: landing.effectId, projectId: intent.projectId, ref: intent.ref, tip };
    ports.log.warn(
      fields,
      'a landing that is undone stays on this ref, because an outside writer has built on it',
    );
    const kept: Conflict = {
      path: intent.ref,
      type: 'KEPT (outside commits)',
      message: 'it has landed here, and an outside writer has built on it: it stays, and so do those commits',
      stages: {},
    };
    return [
      { projectId: intent.projectId, target: tip, source: intent.source ?? intent.after, conflicts: [kept] },
    ];
  });
}

function hasMoved({ is, tip, intent }: Standing): boolean {
  return is === 'done' && tip !== null && intent.before !== intent.after;
}
