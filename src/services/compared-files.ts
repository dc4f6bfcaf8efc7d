import { type ChangedFile, changedFiles } from '../git/changed-files.ts';
import type { Hub } from '../git/hub.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { ComparedProject } from './review-comparison.ts';

/** How many files are remembered of all lists together. */
const MAX_FILES = 100_000;

/** The files that differ in a project, in the order of the bytes of their paths; not computed again for each page. */
export class ComparedFiles {
  readonly #hub: Pick<Hub, 'repository'>;
  readonly #lists = new BoundedCache<readonly ChangedFile[]>(MAX_FILES, (files) => files.length);

  constructor(hub: Pick<Hub, 'repository'>) {
    this.#hub = hub;
  }

  async of({ project, range }: ComparedProject): Promise<readonly ChangedFile[]> {
    if (range === null || range.from === range.to) return [];
    const { from, to } = range;
    return this.#lists.get(`${project.id} ${from} ${to}`, () =>
      changedFiles(this.#hub.repository(project.id), from, to),
    );
  }
}
