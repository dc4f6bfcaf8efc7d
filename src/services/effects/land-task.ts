import type { EffectRun } from '../../actors/effects.ts';
import type { Project } from '../../db/entities/project.ts';
import type { Task } from '../../db/entities/task.ts';
import { hasOpenIntents } from '../../db/intent-store.ts';
import { land } from '../../git/landing.ts';
import type { LandingProject } from '../../git/landing-types.ts';
import type { Repository } from '../../git/repository.ts';
import { backupRef, headRef, phaseBranch, taskBranch } from '../branch-names.ts';
import { countOutrun } from '../lane-holds.ts';
import { mergeHeads } from '../merge-heads.ts';
import { getSubmission, type Submission } from '../work-store.ts';
import type { EffectDeps } from './effect-deps.ts';
import { landingOutput, landingPorts } from './landing-output.ts';

/** Lands what a task handed in on the branch of its phase, in all its projects or none. */
export function landTask(deps: EffectDeps) {
  return async (run: EffectRun) => {
    const task = await deps.plan.task(run.actorId);
    const phase = await deps.plan.phase(task.phaseId);
    const initiative = await deps.plan.initiative(task.initiativeId);
    // What has begun is brought to its end by its intents and the refs alone, whatever has become of what was handed in since.
    const hasBegun = await hasOpenIntents(deps.sql, run.effectId);
    const submission = await submissionOf(deps, task, run);
    if (submission === null && !hasBegun) return { result: 'source_lost', message: 'nothing was handed in' };

    const projects = await deps.plan.projectsOfTask(task);
    const lost = hasBegun || submission === null ? [] : await missingHeads(deps, run, projects, submission);
    if (lost.length > 0) {
      return { result: 'source_lost', message: `the commits handed in are gone from ${lost.join(', ')}` };
    }

    const staged = task.category !== 'execute' && submission !== null;
    const sourceBranch = staged ? submission.branch : taskBranch(initiative.key, phase.key, task.key);
    const toMerge = staged ? await mergeHeads(deps, task) : {};
    const lanes: LandingProject[] = [];
    for (const project of projects) {
      const repository = deps.hub.repository(project.id, run.signal);
      const source = submission?.heads[project.key] ?? null;
      if (!hasBegun && !staged && source !== null) {
        await moveTaskBranch(repository, task, headRef(sourceBranch), source);
      }
      const mustContain = toMerge[project.key];
      lanes.push({
        projectId: project.id,
        repository,
        source,
        sourceRef: headRef(sourceBranch),
        targetRef: headRef(phaseBranch(initiative.key, phase.key)),
        mode: staged ? 'fast_forward' : 'merge',
        ...(mustContain === undefined || mustContain === null ? {} : { mustContain: [mustContain] }),
      });
    }
    const result = await land(
      {
        effectId: run.effectId,
        attempt: run.attempt,
        unit: { kind: 'task', key: `${initiative.key}/${phase.key}/${task.key}`, id: task.id },
        projects: lanes,
        author: deps.author,
      },
      landingPorts(deps, run),
    );
    if (result.result === 'outrun' && submission !== null) await countOutrun(deps.sql, submission.leaseId);
    return landingOutput(deps, run, task.initiativeId, result);
  };
}

async function submissionOf(deps: EffectDeps, task: Task, run: EffectRun): Promise<Submission | null> {
  const digest = run.input['submission'];
  return typeof digest === 'string' ? getSubmission(deps.sql, task.id, digest) : null;
}

async function missingHeads(
  deps: EffectDeps,
  run: EffectRun,
  projects: readonly Project[],
  submission: Submission,
): Promise<string[]> {
  const lost: string[] = [];
  for (const project of projects) {
    const head = submission.heads[project.key] ?? null;
    const repository = deps.hub.repository(project.id, run.signal);
    if (head !== null && !(await repository.commitExists(head))) lost.push(project.key);
  }
  return lost;
}

/** The task branch follows what was handed in; a tip that is not contained in it is kept under a backup ref. */
async function moveTaskBranch(repository: Repository, task: Task, ref: string, head: string): Promise<void> {
  const tip = await repository.readTip(ref);
  if (tip === head) return;
  if (tip !== null && !(await repository.isAncestor(tip, head))) {
    await repository.createRefIfMissing(backupRef(task.id, tip), tip);
  }
  await repository.updateRefs([{ ref, old: tip, new: head }]);
}
