import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Delivered, git, type Work } from './delivered.ts';

interface Honest extends Delivered {
  first: Work;
}

/** Made once, and copied by each test. */
let honest: Honest;

beforeAll(() => {
  honest = makeHonest();
});
afterAll(() => honest[Symbol.dispose]());

function honestDelivery(): Honest {
  return Object.assign(honest.copy(), { first: honest.first });
}

/** Two projects, two phases, three tasks, four commits, all of it delivered. */
function makeHonest(): Honest {
  const delivered = new Delivered();
  for (const project of ['app', 'lib']) delivered.addProject(project);
  writeFileSync(delivered.planKeys, 'core/one app lib\ncore/two app\ndocs/three lib\n');
  const first = delivered.work('app', 'one');
  delivered.record('ann', 'core/one', 'execute', 'app', first);
  delivered.record('ann', 'core/one', 'execute', 'lib', delivered.work('lib', 'one'));
  delivered.record('bob', 'core/two', 'execute', 'app', delivered.work('app', 'two'));
  delivered.record('bob', 'docs/three', 'execute', 'lib', delivered.work('lib', 'three'));
  for (const project of ['app', 'lib']) delivered.push(project);
  return Object.assign(delivered, { first });
}

const PROVEN = 'proven: 2 projects, 2 phases, 3 tasks, 4 commits delivered, 0 lost';

describe('prove.sh on an honest delivery', () => {
  test('counts projects, phases, tasks and commits by itself, whatever bare repositories the user trusts', () => {
    using delivered = honestDelivery();
    writeFileSync(join(delivered.root, '.gitconfig'), '[safe]\n\tbareRepository = explicit\n');
    expect(delivered.prove()).toMatchObject({ exit: 0, last: PROVEN });
    expect(delivered.prove({ HOME: delivered.root })).toMatchObject({ exit: 0, last: PROVEN });
  });

  test('counts a commit that was recorded by two attempts once', () => {
    using delivered = honestDelivery();
    delivered.record('cat', 'core/one', 'execute', 'app', delivered.first);
    expect(delivered.prove()).toMatchObject({ exit: 0, last: PROVEN });
  });

  test('counts a merge commit of a task that was opened on the way', () => {
    using delivered = honestDelivery();
    git(delivered.clone('app'), 'switch', '--quiet', '--create', 'side', 'HEAD~1');
    delivered.commit('app');
    git(delivered.clone('app'), 'switch', '--quiet', 'main');
    git(delivered.clone('app'), 'merge', '--quiet', '--no-ff', 'side');
    const commit = git(delivered.clone('app'), 'rev-parse', 'HEAD');
    delivered.push('app');
    delivered.record('ann', 'core/merge-1', 'merge', 'app', { commit, blob: '-', path: '-' });
    expect(delivered.prove().last).toBe('proven: 2 projects, 2 phases, 4 tasks, 5 commits delivered, 0 lost');
  });

  test('reads a file name with spaces', () => {
    using delivered = honestDelivery();
    const path = 'a b  c.txt';
    writeFileSync(join(delivered.clone('app'), path), 'spaces\n');
    const commit = delivered.commit('app');
    delivered.push('app');
    const blob = git(delivered.clone('app'), 'rev-parse', `HEAD:${path}`);
    delivered.record('ann', 'core/two', 'execute', 'app', { commit, blob, path });
    expect(delivered.prove()).toMatchObject({ exit: 0 });
  });

  test('reads a file name that git quotes, as the agent records it', () => {
    using delivered = honestDelivery();
    const name = 'a "b" \\ c.txt';
    writeFileSync(join(delivered.clone('app'), name), 'quotes\n');
    const commit = delivered.commit('app');
    delivered.push('app');
    const listed = git(delivered.clone('app'), 'diff-tree', '-r', '--no-commit-id', commit);
    const [meta = '', path = ''] = listed.split('\t');
    expect(path).toBe(String.raw`"a \"b\" \\ c.txt"`);
    delivered.record('ann', 'core/two', 'execute', 'app', { commit, blob: meta.split(' ')[3] ?? '', path });
    expect(delivered.prove()).toMatchObject({ exit: 0 });
  });

  test('reads a plan whose last line has no end', () => {
    using delivered = honestDelivery();
    writeFileSync(delivered.planKeys, 'core/one app lib\ncore/two app\ndocs/three lib');
    expect(delivered.prove()).toMatchObject({ exit: 0, last: PROVEN });
  });

  test('takes the path of a remote from the folder that it was started in', () => {
    using delivered = honestDelivery();
    const projects = ['app', 'lib'].flatMap((key) => ['--project', key, `${key}.git`, 'main']);
    const args = ['--plan-keys', 'plan-keys', '--ledgers', 'ledgers', ...projects];
    expect(delivered.proveFrom(delivered.root, ...args)).toMatchObject({ exit: 0, last: PROVEN });
  });
});

describe('prove.sh fails', () => {
  const faults: Record<string, [said: RegExp, breakIt: (delivered: Honest) => void]> = {
    'when a commit was dropped': [
      /of core[/]two is not in the delivered branch of app/u,
      (delivered) => {
        git(delivered.remote('app'), 'update-ref', 'refs/heads/main', 'refs/heads/main~1');
      },
    ],
    'when one project was not delivered': [
      /of docs[/]three is not in the delivered branch of lib/u,
      (delivered) => {
        const first = git(delivered.remote('lib'), 'rev-list', '--max-parents=0', 'main');
        git(delivered.remote('lib'), 'update-ref', 'refs/heads/main', first);
      },
    ],
    'when the branch of one project is gone': [
      /lib: the remote has no readable branch main/u,
      (delivered) => {
        git(delivered.remote('lib'), 'update-ref', '-d', 'refs/heads/main');
      },
    ],
    'when content was changed although its commit is contained': [
      /content .* of core[/]one is not at work[/]one-1.txt/u,
      (delivered) => {
        writeFileSync(join(delivered.clone('app'), delivered.first.path), 'something else\n');
        delivered.commit('app');
        delivered.push('app');
      },
    ],
    'when content was removed although its commit is contained': [
      /content .* of core[/]one is not at work[/]one-1.txt/u,
      (delivered) => {
        rmSync(join(delivered.clone('app'), delivered.first.path));
        delivered.commit('app');
        delivered.push('app');
      },
    ],
    'when a ledger is empty': [
      /ledger cat.ledger is empty/u,
      (delivered) => writeFileSync(join(delivered.ledgers, 'cat.ledger'), ''),
    ],
    'when a ledger is missing': [
      /no ledger has an entry of docs[/]three$/mu,
      (delivered) => rmSync(join(delivered.ledgers, 'bob.ledger')),
    ],
    'when all ledgers are missing': [
      /there is no ledger/u,
      (delivered) => {
        rmSync(delivered.ledgers, { recursive: true });
        mkdirSync(delivered.ledgers);
      },
    ],
    'when a ledger is a link': [
      /cat.ledger is not a plain file/u,
      (delivered) => {
        symlinkSync(join(delivered.ledgers, 'ann.ledger'), join(delivered.ledgers, 'cat.ledger'));
      },
    ],
    'when a planned task has an entry in only one of its projects': [
      /no ledger has an entry of core[/]two in lib/u,
      (delivered) => {
        writeFileSync(delivered.planKeys, 'core/one app lib\ncore/two app lib\ndocs/three lib\n');
      },
    ],
    'when a project has no entry': [
      /no ledger has an entry in project web/u,
      (delivered) => {
        delivered.addProject('web');
        delivered.push('web');
      },
    ],
    'when the task of a last line without an end was not delivered': [
      /no ledger has an entry of docs[/]four$/mu,
      (delivered) => {
        writeFileSync(delivered.planKeys, 'core/one app lib\ncore/two app\ndocs/three lib\ndocs/four lib');
      },
    ],
    'when the quote of a path is not closed': [
      /line 3 is not an entry/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'execute', 'app', { ...delivered.first, path: '"work' });
      },
    ],
    'when the plan is empty': [
      /--plan-keys is missing, empty/u,
      (delivered) => writeFileSync(delivered.planKeys, ''),
    ],
    'when the plan has a line that is no key': [
      /..[/]x is not a phase[/]task key/u,
      (delivered) => writeFileSync(delivered.planKeys, 'core/one\n../x\n'),
    ],
    'when a ledger names a task the plan does not have': [
      /the plan has no task core[/]four/u,
      (delivered) => {
        delivered.record('ann', 'core/four', 'execute', 'app', delivered.first);
      },
    ],
    'when a ledger names a phase the plan does not have': [
      /the plan has no task other[/]merge-1/u,
      (delivered) => {
        delivered.record('ann', 'other/merge-1', 'merge', 'app', delivered.first);
      },
    ],
    'when a ledger names an unknown project': [
      /line 3 is not an entry/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'execute', 'web', delivered.first);
      },
    ],
    'when a ledger has an unknown category': [
      /line 3 has an unknown category/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'maybe', 'app', delivered.first);
      },
    ],
    'when a plain commit comes without content': [
      /no content is recorded for commit/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'execute', 'app', {
          ...delivered.first,
          blob: '-',
          path: '-',
        });
      },
    ],
    'when the same content stands for two commits': [
      /is recorded for more than one commit/u,
      (delivered) => {
        const other = delivered.work('app', 'one').commit;
        delivered.push('app');
        delivered.record('ann', 'core/one', 'execute', 'app', {
          ...delivered.first,
          commit: other,
        });
      },
    ],
    'when a commit id is cut short': [
      /line 3 is not an entry/u,
      (delivered) => {
        const commit = delivered.first.commit.slice(0, 39);
        delivered.record('ann', 'core/one', 'execute', 'app', { ...delivered.first, commit });
      },
    ],
    'when a path leaves the repository': [
      /line 3 is not an entry/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'execute', 'app', { ...delivered.first, path: '../x' });
      },
    ],
    'when a path looks like an option': [
      /line 3 is not an entry/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'execute', 'app', {
          ...delivered.first,
          path: '--upload-pack=x',
        });
      },
    ],
    'when a commit looks like an option': [
      /line 3 is not an entry/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'execute', 'app', {
          ...delivered.first,
          commit: '--upload-pack=x',
        });
      },
    ],
    'when a project looks like an option': [
      /line 3 is not an entry/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'execute', '--upload-pack=x', delivered.first);
      },
    ],
    'when a task leaves its folder': [
      /line 3 is not an entry/u,
      (delivered) => {
        delivered.record('ann', '../x', 'execute', 'app', delivered.first);
      },
    ],
    'when a ledger has an empty line': [
      /line 3 is not an entry/u,
      (delivered) => delivered.write('ann', '\n'),
    ],
    'when an entry is broken over two lines': [
      /line 4 is not an entry/u,
      (delivered) => {
        delivered.record('ann', 'core/one\n', 'execute', 'app', delivered.first);
      },
    ],
    'when the last line is torn': [
      /line 3 is not an entry/u,
      (delivered) => delivered.write('ann', 'core/one execute app 0123'),
    ],
    'when a line holds a carriage return': [
      /ann.ledger is not text/u,
      (delivered) => {
        delivered.record('ann', 'core/one', 'execute', 'app', {
          ...delivered.first,
          path: `${delivered.first.path}\r`,
        });
      },
    ],
    'when a line holds a command': [
      /line 3 is not an entry/u,
      (delivered) => {
        delivered.write(
          'ann',
          `$(touch ${delivered.root}/ran) \`touch ${delivered.root}/ran\` ; touch ${delivered.root}/ran\n`,
        );
      },
    ],
  };

  test.each(Object.entries(faults))('%s', (_title, [said, breakIt]) => {
    using delivered = honestDelivery();
    breakIt(delivered);
    const proof = delivered.prove();
    expect(proof.exit).toBe(1);
    expect(proof.last).toMatch(/^NOT proven: ./u);
    expect(proof.stderr + proof.last).toMatch(said);
  });

  test('and says which commit of which task is lost', () => {
    using delivered = honestDelivery();
    git(delivered.remote('app'), 'update-ref', 'refs/heads/main', 'refs/heads/main~1');
    const proof = delivered.prove();
    expect(proof.stderr).toContain('of core/two is not in the delivered branch of app');
    expect(proof.last).toMatch(/^NOT proven: 4 commits recorded, 1 lost/u);
  });

  test('on a remote that would run a command', () => {
    using delivered = honestDelivery();
    const ran = join(delivered.root, 'ran');
    const common = ['--plan-keys', delivered.planKeys, '--ledgers', delivered.ledgers];
    for (const remote of [`ext::touch ${ran}`, `--upload-pack=touch ${ran}`]) {
      const proof = delivered.proveWith(...common, '--project', 'app', remote, 'main');
      expect(proof).toMatchObject({ exit: 1 });
      expect(proof.last).toMatch(/^NOT proven: /u);
    }
    expect(git(delivered.root, 'hash-object', '--stdin')).toBeTruthy();
    expect(() => git(delivered.root, 'hash-object', ran)).toThrow();
  });

  test.each([
    [['--plan-keys']],
    [['--project', 'app']],
    [['--nonsense']],
    [[]],
    [['--project', '../x', '/nowhere', 'main']],
    [['--project', 'app', '/nowhere', '../x']],
  ])('on the arguments %j', (args) => {
    using delivered = new Delivered();
    const proof = delivered.proveWith(...args);
    expect(proof.exit).toBe(1);
    expect(proof.last).toMatch(/^NOT proven: /u);
  });
});
