import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawn } from 'node:child_process';
import type { Hub } from '../../src/git/hub.ts';
import type { HubGrant } from '../../src/git/hub-types.ts';

export interface HubServer {
  url: string;
  grant: HubGrant;
  server: Server;
  close(): Promise<void>;
}

/** A bare node:http server that hands every request to the hub, under whatever grant the test has set. */
export async function serveHub(hub: Hub, grant: HubGrant): Promise<HubServer> {
  const served: HubServer = { url: '', grant, server: createServer(), close: () => Promise.resolve() };
  served.server.on(
    'request',
    (req, res) => void hub.serve(req, res, served.grant).catch(() => res.destroy()),
  );
  await new Promise<void>((resolve) => served.server.listen(0, '127.0.0.1', resolve));
  served.url = `http://127.0.0.1:${(served.server.address() as AddressInfo).port}/${grant.projectId}.git`;
  served.close = () =>
    new Promise((resolve) => {
      served.server.closeAllConnections();
      served.server.close(() => resolve());
    });
  return served;
}

export interface Ran {
  code: number | null;
  output: string;
}

/** A real git client, run beside the server in this process: it must not block the event loop. */
export function client(dir: string, ...args: string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: dir,
        LC_ALL: 'C',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_TERMINAL_PROMPT: '0',
        GIT_AUTHOR_NAME: 'Agent',
        GIT_AUTHOR_EMAIL: 'agent@example.test',
        GIT_COMMITTER_NAME: 'Agent',
        GIT_COMMITTER_EMAIL: 'agent@example.test',
      },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
