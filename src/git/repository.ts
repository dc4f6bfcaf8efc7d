import type { GitRunner } from './git-runner.ts';

export class Repository {
  readonly dir: string;
  readonly runner: GitRunner;

  constructor(dir: string, runner: GitRunner) {
    this.dir = dir;
    this.runner = runner;
  }
}
