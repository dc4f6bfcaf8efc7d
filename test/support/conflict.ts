import type { ConflictBriefing } from '../../src/services/shapes/conflict.ts';

/** A briefing with these conflicts, for tests of how it is written and read. */
export function sampleConflict(
  files: readonly { project: string; path: string; type: string }[],
): ConflictBriefing {
  const [ours, theirs] = ['a'.repeat(40), 'b'.repeat(40)];
  return {
    of: 'phase',
    unit: null,
    projects: files.map(({ project, path, type }) => ({
      project,
      ours,
      theirs,
      base: null,
      ref: 'refs/heads/signalbox/goal/merge/build/merge-3',
      files: [{ path, type, message: '', stages: { base: null, ours: null, theirs: null } }],
      moreFiles: 0,
      intents: [{ side: 'theirs', commit: theirs, author: 'Someone', subject: `why ${path}`, unit: null }],
      commands: [],
    })),
  };
}
