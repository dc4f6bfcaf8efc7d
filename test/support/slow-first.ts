import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take a minute or more: processes that are killed and start again, runs of the demo, random walks. */
const SLOW = /\/test\/(crash|property|replicas|outage|platform\/(service|embedded)|demo\/demo)\b/;

/** Begins with what takes longest, so that no process works alone at the end. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- not an array's
    const sorted = await super.sort(files);
    const isSlow = ({ moduleId }: TestSpecification): boolean => SLOW.test(moduleId);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}
