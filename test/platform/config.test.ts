import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigFaults, readConfig } from '../../src/config.ts';

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigFaults) return error.faults;
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('has a default for everything, on loopback and with the embedded database', () => {
    expect(readConfig({})).toEqual({
      databaseUrl: null,
      poolSize: 20,
      host: '127.0.0.1',
      port: 4410,
      publicUrl: null,
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
      allowedOrigins: [],
      dataFolder: '.signalbox',
      hubFolder: null,
      logLevel: 'info',
      mergeEngine: 'git',
      agentLeaseSeconds: 180,
      gitConfig: null,
      gitCredentials: [],
      insecureRemoteHosts: [],
    });
  });

  it('reads who we are to remotes, and repeats no secret in a fault', () => {
    const given = 'https://robot:a%2Fb@git.example.com http://me:x@127.0.0.1:81';
    expect(readConfig({ SIGNALBOX_GIT_CREDENTIALS: given }).gitCredentials).toEqual([
      { origin: 'https://git.example.com', username: 'robot', password: 'a/b' },
      { origin: 'http://127.0.0.1:81', username: 'me', password: 'x' },
    ]);
    for (const wrong of [
      'h0st',
      'https://s3cret@host',
      'ssh://a:s3cret@host',
      'https://a:s3cret@host/path',
      'https://a:s3cret%0a@host',
      'https://a:s3cret%zz@host',
    ]) {
      const [fault, ...more] = faultsOf({ SIGNALBOX_GIT_CREDENTIALS: wrong });
      expect([more, fault?.includes('https://user:token@host')]).toEqual([[], true]);
      expect(fault).not.toMatch(/s3cret|h0st/);
    }
  });

  it('reports all faults at once', () => {
    const faults = faultsOf({
      DATABASE_URL: 'mysql://x/y',
      SIGNALBOX_PORT: '70000',
      SIGNALBOX_LOG_LEVEL: 'loud',
      SIGNALBOX_PUBLIC_URL: 'https://user:secret@example.com/path',
      SIGNALBOX_AGENT_LEASE_SECONDS: 'long',
      SIGNALBOX_PROT: '1',
    });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'SIGNALBOX_PROT',
      'DATABASE_URL',
      'SIGNALBOX_PORT',
      'SIGNALBOX_PUBLIC_URL',
      'SIGNALBOX_LOG_LEVEL',
      'SIGNALBOX_AGENT_LEASE_SECONDS',
    ]);
  });

  it('never repeats a value, which may be a password', () => {
    const secret = 'postgres://user:hunter2@';
    expect(faultsOf({ DATABASE_URL: secret }).join()).not.toContain('hunter2');
  });

  it('takes an empty variable as one that is not set', () => {
    expect(readConfig({ SIGNALBOX_PORT: '', DATABASE_URL: '' })).toEqual(readConfig({}));
  });

  it('answers for the host of its public address', () => {
    const config = readConfig({
      SIGNALBOX_PUBLIC_URL: 'https://box.example.com/',
      SIGNALBOX_ALLOWED_HOSTS: 'a.example, b.example',
    });
    expect(config.publicUrl).toBe('https://box.example.com');
    expect(config.allowedHosts).toEqual([
      'localhost',
      '127.0.0.1',
      '[::1]',
      'box.example.com',
      'a.example',
      'b.example',
    ]);
  });

  it.each([
    ['192.0.2.7', ['192.0.2.7']],
    ['Box.Example', ['box.example']],
    ['2001:DB8:0::7', ['[2001:db8::7]']],
    ['localhost', []],
    ['::1', []],
    ['0.0.0.0', []],
    ['::', []],
    ['0:0:0:0:0:0:0:0', []],
  ])('listening on %s answers, besides this machine, for %j', (host, names) => {
    expect(readConfig({ SIGNALBOX_HOST: host }).allowedHosts).toEqual([
      'localhost',
      '127.0.0.1',
      '[::1]',
      ...names,
    ]);
  });

  it('is frozen throughout', () => {
    const config = readConfig({});
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.allowedHosts)).toBe(true);
  });
});

describe('the environment', () => {
  it('is read by main alone, and otherwise only handed on to children', async () => {
    const readers: string[] = [];
    for (const file of await readdir('src', { recursive: true })) {
      if (!file.endsWith('.ts')) continue;
      if (/process\s*\.\s*env|process\[/.test(await readFile(path.join('src', file), 'utf8')))
        readers.push(file);
    }
    // git's children get PATH, HOME and a few more; its hooks and the demo are programs of their own.
    const others = /^(demo|git\/hooks)\/|^git\/git-environment\.ts$/;
    expect(readers.filter((file) => !others.test(file))).toEqual(['main.ts']);
  });
});
