import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface RemoteServerOptions {
  readonly host?: string;
  /** `user:password`, without which nothing is served. */
  readonly login?: string;
  /** Repositories by path, as in `/web.git`, that can be fetched from and not pushed to. */
  readonly readOnly?: readonly string[];
  /** What clients get instead of what git has written. */
  readonly rewrite?: (answer: string) => string;
  /** Called with each request that is let in. */
  readonly onServed?: () => void;
}

/** Remotes over HTTP that can go away and come back on the same port; git's own server program behind a few lines. */
export class RemoteServer {
  readonly #root: string;
  readonly #options: RemoteServerOptions;
  #server: Server | null = null;
  #port = 0;
  /** What clients have said to be let in. */
  readonly logins: string[] = [];

  constructor(root: string, options: RemoteServerOptions = {}) {
    this.#root = root;
    this.#options = options;
  }

  get #host(): string {
    return this.#options.host ?? '127.0.0.1';
  }

  url(name: string): string {
    return `http://${this.#host}:${this.#port}/${name}`;
  }

  async start(): Promise<void> {
    this.#server = createServer((req, res) => {
      const { login, onServed, readOnly = [], rewrite = (text: string) => text } = this.#options;
      if (req.headers.authorization !== undefined) this.logins.push(req.headers.authorization);
      if (login !== undefined && req.headers.authorization !== `Basic ${btoa(login)}`) {
        req.resume();
        const headers = { 'www-authenticate': 'Basic realm="remote"', 'content-type': 'text/plain' };
        res.writeHead(401, headers).end(`you said ${req.headers.authorization ?? 'nothing'}`);
        return;
      }
      onServed?.();
      const url = new URL(req.url ?? '/', 'http://remote');
      const isPush = url.pathname.endsWith('/git-receive-pack') || url.search === '?service=git-receive-pack';
      if (isPush && readOnly.some((name) => url.pathname.startsWith(`${name}/`))) {
        req.resume();
        res.writeHead(403).end();
        return;
      }
      const child = spawn('git', ['-c', 'http.receivepack=true', 'http-backend'], {
        env: {
          PATH: process.env['PATH'] ?? '',
          GIT_PROJECT_ROOT: this.#root,
          GIT_HTTP_EXPORT_ALL: '1',
          PATH_INFO: url.pathname,
          QUERY_STRING: url.search.slice(1),
          REQUEST_METHOD: req.method ?? 'GET',
          CONTENT_TYPE: req.headers['content-type'] ?? '',
          REMOTE_USER: 'service',
          ...(req.headers['content-encoding'] === 'gzip' ? { HTTP_CONTENT_ENCODING: 'gzip' } : {}),
          ...(req.headers['git-protocol'] === undefined
            ? {}
            : { GIT_PROTOCOL: String(req.headers['git-protocol']) }),
        },
      });
      req.pipe(child.stdin);
      const chunks: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      child.on('close', () => {
        const answer = Buffer.concat(chunks);
        const end = answer.indexOf('\r\n\r\n');
        let status = 200;
        for (const line of answer.subarray(0, end).toString('latin1').split('\r\n')) {
          const [name = '', value = ''] = line.split(/: (.*)/s);
          if (name.toLowerCase() === 'status') status = Number(value.slice(0, 3));
          else res.appendHeader(name, value);
        }
        const body = answer.subarray(end + 4).toString('latin1');
        res.writeHead(status).end(Buffer.from(rewrite(body), 'latin1'));
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.#port, this.#host, resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
