import { describe, expect, it } from 'vitest';
import { scrubCredentials } from '../../src/git/credentials.ts';
import { checkBranchName, checkObjectId, isBranchName, isRefName } from '../../src/git/ref-name.ts';
import { parseRemoteUrl } from '../../src/git/remote-url.ts';

describe('a ref name', () => {
  it.each([
    'refs/heads/main',
    'refs/heads/signalbox/i/task/p/t',
    'refs/signalbox/late/5/1',
    'refs/heads/a.b-c_d+e@f',
  ])('may be %s', (name) => {
    expect(isRefName(name)).toBe(true);
  });

  it.each([
    '',
    'main',
    'refs/heads',
    '--upload-pack=x',
    'refs/heads/--upload-pack=x',
    'refs/heads/../x',
    'refs/heads/a..b',
    'refs/heads/a.lock',
    'refs/heads/a.lock/b',
    'refs/heads/.a',
    'refs/heads/a//b',
    'refs/heads/a/',
    'refs/heads/a b',
    'refs/heads/a\nb',
    'refs/heads/a\u0000b',
    'refs/heads/a~1',
    'refs/heads/a^',
    'refs/heads/a:b',
    'refs/heads/a?',
    'refs/heads/a*',
    'refs/heads/a[',
    'refs/heads/a\\b',
    'refs/heads/@{0}',
    'refs/heads/a.',
    'refs/heads/\u00e9',
    `refs/heads/${'a'.repeat(300)}`,
  ])('may not be %j', (name) => {
    expect(isRefName(name)).toBe(false);
  });

  it.each(['HEAD', '@', '../x', '-d', 'refs/heads/main', 'a b', ''])('%j is no branch either', (name) => {
    expect(isBranchName(name)).toBe(false);
    expect(() => checkBranchName(name)).toThrow(expect.objectContaining({ code: 'invalid_branch_name' }));
  });

  it('is not a commit id, and a short id is none', () => {
    for (const text of ['HEAD', 'abc123', 'refs/heads/main', '-'.repeat(40), 'A'.repeat(40)])
      expect(() => checkObjectId(text)).toThrow(expect.objectContaining({ code: 'invalid_object_id' }));
    expect(checkObjectId('a'.repeat(40))).toBe('a'.repeat(40));
  });
});

describe("a remote's address", () => {
  it.each([
    ['https://example.test/team/app.git', 'https'],
    ['https://example.test:8443/app', 'https'],
    ['http://127.0.0.1:3000/app.git', 'http'],
    ['http://localhost/app.git', 'http'],
    ['http://[::1]:3000/app.git', 'http'],
    ['ssh://git@example.test:2222/team/app.git', 'ssh'],
    ['git@example.test:team/app.git', 'ssh'],
    ['/srv/git/app.git', 'path'],
    ['file:///srv/git/app.git', 'path'],
  ])('may be %s', (text, kind) => {
    expect(parseRemoteUrl(text).kind).toBe(kind);
  });

  it.each([
    ['ext::sh -c "touch /tmp/x"', 'remote_scheme_not_allowed'],
    ['fd::17', 'remote_scheme_not_allowed'],
    ['git://example.test/app.git', 'remote_scheme_not_allowed'],
    ['ftp://example.test/app.git', 'remote_scheme_not_allowed'],
    ['javascript://x', 'remote_scheme_not_allowed'],
    ['http://example.test/app.git', 'remote_scheme_not_allowed'],
    ['--upload-pack=touch /tmp/x', 'invalid_remote_url'],
    ['-x', 'invalid_remote_url'],
    ['', 'invalid_remote_url'],
    ['../x', 'invalid_remote_url'],
    ['app.git', 'invalid_remote_url'],
    ['~/app.git', 'invalid_remote_url'],
    ['https://example.test/app\n.git', 'invalid_remote_url'],
    ['https://example.test/app\u0000', 'invalid_remote_url'],
    ['https://example.test/%0aapp', 'invalid_remote_url'],
    ['ssh://-oProxyCommand=x/app', 'invalid_remote_url'],
    ['git@-oProxyCommand=x:app', 'invalid_remote_url'],
    ['git@example.test:-app', 'invalid_remote_url'],
    ['file://host/app.git', 'invalid_remote_url'],
    ['/srv/\ud800', 'invalid_remote_url'],
    [`https://example.test/${'a'.repeat(3000)}`, 'invalid_remote_url'],
    ['https://example.test/app.git?private_token=secret', 'invalid_remote_url'],
    ['https://example.test/app.git?', 'invalid_remote_url'],
    ['http://localhost/app.git?private_token=secret', 'invalid_remote_url'],
    ['ssh://git@example.test/app.git?x=y', 'invalid_remote_url'],
    ['https://example.test/app.git#main', 'invalid_remote_url'],
    ['https://user:secret@example.test/app.git', 'remote_url_has_credentials'],
    ['https://token@example.test/app.git', 'remote_url_has_credentials'],
    ['ssh://git:secret@example.test/app.git', 'remote_url_has_credentials'],
  ])('%j is refused as %s', (text, code) => {
    expect(() => parseRemoteUrl(text)).toThrow(expect.objectContaining({ code }));
  });

  it('over plain http is allowed to a host that was named for it', () => {
    expect(parseRemoteUrl('http://git.internal/app.git', { insecureHosts: ['git.internal'] }).kind).toBe(
      'http',
    );
  });

  it('never repeats a secret in its refusal', () => {
    for (const text of ['https://user:secret@example.test/app.git', 'https://example.test/a?token=secret']) {
      expect(() => parseRemoteUrl(text)).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('secret') }),
      );
    }
    expect(scrubCredentials("fatal: unable to access 'https://user:secret@example.test/': 403")).toBe(
      "fatal: unable to access 'https://***@example.test/': 403",
    );
  });

  it('and what only we and a remote know are taken out of what git says', () => {
    const robot = { origin: 'https://example.test', username: 'robot', password: 'p@ss/w%rd' };
    const basic = btoa('robot:p@ss/w%rd');
    for (const [said, shown] of [
      ['https://user:p@ss@example.test/app.git', 'https://***@example.test/app.git'],
      ['https://robot:p@ss/w%rd@example.test/app.git', 'https://***@example.test/app.git'],
      ['no: p@ss/w%rd, p%40ss%2Fw%25rd', 'no: ***, ***'],
      [`you sent ${basic}`, 'you sent ***'],
      ['you sent "Authorization: Bearer t0ken"', 'you sent "Authorization: Bearer ***"'],
      ['see https://example.test/a@b', 'see https://example.test/a@b'],
    ] as const)
      expect(scrubCredentials(said, [robot])).toBe(shown);
    const token = { ...robot, username: 't0k3n-of-robot', password: 'x-oauth-basic' };
    expect(scrubCredentials('no t0k3n-of-robot', [token])).toBe('no ***');
    const alone = { ...robot, username: 't0k3n-of-robot', password: '' };
    expect(scrubCredentials('no t0k3n-of-robot', [alone])).toBe('no ***');
    const padded = btoa('robot:p@ss/w%rd!').replace(/=+$/, '');
    expect(scrubCredentials(`you sent ${padded}`, [{ ...robot, password: 'p@ss/w%rd!' }])).toBe(
      'you sent ***',
    );
    const longer = { ...robot, password: 'p@ss/w%rd-and-more' };
    expect(scrubCredentials('no p@ss/w%rd-and-more', [robot, longer])).toBe('no ***');
    expect(scrubCredentials('not a git repository', [{ ...robot, password: 'not' }])).toContain('not a');
  });
});
