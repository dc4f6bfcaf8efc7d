import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimLines } from '../../src/http/claim-lines.ts';
import type { Claim } from '../../src/services/shapes/agent.ts';
import { git } from './delivered.ts';

export interface Posted {
  path: string;
  body: string;
  authorization: string | undefined;
}

const AGENT = '3f0e5f0a-5d3c-4a55-9df6-7a1c1a5f0001';
export const LEASE = '3f0e5f0a-5d3c-4a55-9df6-7a1c1a5f0002';
export const PASSWORD = 'lease-password';
export const TOKEN = 'agent-token';
export const BRANCH = 'signalbox/ini/attempt/core/one/1';

/** Answers the agent's routes from a list of claims, and serves real repositories with git's own http-backend. */
export class FakeService {
  readonly root = mkdtempSync(join(tmpdir(), 'signalbox-agent-'));
  readonly posts: Posted[] = [];
  readonly claims: string[] = [];
  /** Statuses answered, once each, before a path is answered properly. */
  readonly trouble = new Map<string, number[]>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      if (request.url?.startsWith('/git/')) this.#git(request, response);
      else this.#api(request, response);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  repository(project: string): string {
    return join(this.root, `${project}.git`);
  }

  /** A hub of one project with one commit; answers its id. */
  addProject(project: string): string {
    const seed = join(this.root, `${project}-seed`);
    git(this.root, 'init', '--quiet', '--initial-branch=main', seed);
    writeFileSync(join(seed, 'shared.txt'), 'first\nshared\nlast\n');
    git(seed, 'add', '--all');
    git(seed, 'commit', '--quiet', '--message=seed');
    git(this.root, 'clone', '--quiet', '--bare', seed, this.repository(project));
    git(this.repository(project), 'config', 'http.receivepack', 'true');
    return git(seed, 'rev-parse', 'HEAD');
  }

  /** A claim of one task in the project `app`. */
  claim(base: string): Claim {
    return {
      task: {
        id: AGENT,
        key: 'one',
        title: 'Do one',
        description: 'first line\nsecond \\ line',
        category: 'execute',
        initiative: 'ini',
        phase: 'core',
        attempt: 1,
      },
      lease: { id: LEASE, seconds: 60, heartbeatSeconds: 1 },
      git: { username: LEASE, password: PASSWORD },
      branch: BRANCH,
      projects: [
        { key: 'app', url: `${this.url}/git/app.git`, base, startRef: 'refs/heads/main', merge: null },
      ],
      comments: [],
      conflict: null,
      late: [],
      limits: { attempt: 1, maxAttempts: 3 },
      next: ['task.submit'],
    };
  }

  /** The claim as the service writes it, with other values, and with lines in place of its project. */
  claimText(lines: readonly string[], values: Readonly<Record<string, string>> = {}): string {
    const head = claimLines({ ...this.claim(''), projects: [] })
      .trimEnd()
      .split('\n');
    const changed = head.map((line) => {
      const name = line.slice(0, line.indexOf('='));
      return name in values ? `${name}=${values[name]}` : line;
    });
    return `${[...changed, ...lines].join('\n')}\n`;
  }

  projectLine(project: string, base: string): string {
    return `PROJECT=${project} ${this.url}/git/${project}.git ${base} refs/heads/main`;
  }

  posted(suffix: string): Posted[] {
    return this.posts.filter((post) => post.path.endsWith(suffix));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.root, { recursive: true, force: true });
  }

  #api(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      const body = Buffer.concat(chunks).toString();
      this.posts.push({ path, body, authorization: request.headers.authorization });
      const last = path.slice(path.lastIndexOf('/') + 1);
      const trouble = this.trouble.get(last)?.shift();
      if (trouble !== undefined) response.writeHead(trouble).end('{"code":"trouble"}');
      else if (last === 'agents') response.writeHead(201).end(`{"id":"${AGENT}","name":"ann","task":null}`);
      else if (last === 'claim') this.#claim(response);
      else response.writeHead(200).end('{}');
    });
  }

  #claim(response: ServerResponse): void {
    const claim = this.claims.shift();
    if (claim === undefined) setTimeout(() => response.writeHead(204).end(), 100).unref();
    else response.writeHead(200, { 'content-type': 'text/plain' }).end(claim);
  }

  #git(request: IncomingMessage, response: ServerResponse): void {
    const wanted = `Basic ${Buffer.from(`${LEASE}:${PASSWORD}`).toString('base64')}`;
    if (request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="hub"' }).end();
      return;
    }
    const url = new URL(request.url ?? '', this.url);
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: this.root,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        PATH_INFO: url.pathname.slice('/git'.length),
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        HTTP_GIT_PROTOCOL: (request.headers['git-protocol'] as string | undefined) ?? '',
        REMOTE_USER: LEASE,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    request.pipe(backend.stdin);
    const output: Buffer[] = [];
    backend.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    backend.on('close', () => {
      const all = Buffer.concat(output);
      const end = all.indexOf('\r\n\r\n');
      for (const line of all.subarray(0, end).toString().split('\r\n')) {
        const colon = line.indexOf(':');
        const name = line.slice(0, colon);
        if (name === 'Status') response.statusCode = Number.parseInt(line.slice(colon + 1), 10);
        else response.setHeader(name, line.slice(colon + 1).trim());
      }
      response.end(all.subarray(end + 4));
    });
  }
}
