import { Refusal } from '../errors.ts';
import type { MergeEngine } from '../git/merge-engine.ts';
import type { Repository } from '../git/repository.ts';
import { type Resolution, type ResolutionFault, resolutionFaults } from '../git/resolution.ts';

/** A merge that was handed in, in one project. */
export interface Merge extends Resolution {
  readonly project: string;
  readonly repository: Repository;
}

/** How many faults a refusal lists. */
const MAX_FAULTS = 100;

/**
 * Merges again in every project and compares. Refuses with `conflict_markers_left`, and with `conflict_side_dropped` unless the agent
 * has said why a side is left out.
 */
export async function refuseBadResolution(
  engine: MergeEngine,
  merges: readonly Merge[],
  oneSided: string | null,
): Promise<void> {
  const found: (ResolutionFault & { readonly project: string })[] = [];
  for (const { project, repository, ...resolution } of merges) {
    const faults = await resolutionFaults(repository, engine, resolution);
    found.push(...faults.map((fault) => ({ project, ...fault })));
  }
  const details = (files: typeof found) => ({
    details: { files: files.slice(0, MAX_FAULTS), more: Math.max(0, files.length - MAX_FAULTS) },
  });
  const names = (files: typeof found) =>
    files
      .slice(0, 10)
      .map(({ project, path }) => `${project}:${path}`)
      .join(', ');
  const markers = found.filter(({ fault }) => fault === 'markers');
  if (markers.length > 0) {
    throw new Refusal(
      'conflict_markers_left',
      `there are conflict markers in ${names(markers)}: resolve them, push, and submit again`,
      details(markers),
    );
  }
  if (found.length > 0 && oneSided === null) {
    throw new Refusal(
      'conflict_side_dropped',
      `the change of one side is gone from ${names(found)}: merge both, or say in oneSided why it is left out`,
      details(found),
    );
  }
}
