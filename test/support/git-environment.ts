import { fileURLToPath } from 'node:url';

const settings = fileURLToPath(new URL('./somebody.gitconfig', import.meta.url));

/** What plain git gets of somebody who has hardly any settings; `home` is a folder of the test's own. */
export function somebodysGit(home: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: settings,
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Someone',
    GIT_AUTHOR_EMAIL: 'someone@example.test',
    GIT_COMMITTER_NAME: 'Someone',
    GIT_COMMITTER_EMAIL: 'someone@example.test',
  };
}
