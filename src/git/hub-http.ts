import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CgiHead, parseCgiHead } from './cgi-response.ts';
import { configEnvironment } from './git-environment.ts';
import { collectStderr, type GitChild } from './git-runner.ts';
import { grantEnvironment } from './hooks/grant.ts';
import type { HubGrant } from './hub-types.ts';
import { checkRefName } from './ref-name.ts';
import type { Repository } from './repository.ts';

/** What a push may have beside its pack, so that git's own limit on the pack comes first and says so: the refs it wants to move. */
const COMMANDS_BYTES = 1024 * 1024;
/** Long enough for a client to hear the answer and to stop sending. */
const READ_AWAY_MS = 10_000;

export interface HttpLimits {
  maxBodyBytes: number;
  deadlineMs: number;
}

export interface GitService {
  repository: Repository;
  root: string;
  grant: HubGrant;
  /** What the hook runs on that moves the refs. */
  node: string;
  /** Refs that may not be pushed to now. */
  owned: readonly string[];
  limits: HttpLimits;
}

type Operation = 'upload-pack' | 'receive-pack';

interface Route {
  operation: Operation;
  path: string;
  query: string;
  /** The listing of refs that comes before a fetch or push. */
  listing: boolean;
}

/** Serves one request by `git http-backend`. Bodies pass through unread in both directions, compressed or not. */
export async function serveGit(
  req: IncomingMessage,
  res: ServerResponse,
  service: GitService,
): Promise<void> {
  const route = routeOf(req);
  if (route === null) return refuse(res, 404, 'not_found: only smart HTTP of git is served here');
  if (route.operation === 'receive-pack') {
    const { push } = service.grant;
    if (push === null) return refuse(res, 403, 'push_not_granted: this credential may fetch only');
    // A second bar: no lease opens a ref that landings move today, and a grant that does must not undo what intents promise.
    if (service.owned.includes(push.ref))
      return refuse(res, 409, 'push_ref_owned: a landing owns this branch now; push again when it has ended');
  }
  if (Number(req.headers['content-length'] ?? 0) > service.limits.maxBodyBytes)
    return refuse(res, 413, tooLarge(service.limits));
  const child = await service.repository.runner.start({
    args: ['http-backend'],
    env: environmentOf(req, route, service),
    ...(route.operation === 'receive-pack' && !route.listing ? { locksIn: service.repository.dir } : {}),
  });
  await converse(req, res, child, service, route);
}

function routeOf(req: IncomingMessage): Route | null {
  const [, path = '', query = ''] = /\.git(\/[^?]*)(?:\?(.*))?$/.exec(req.url ?? '') ?? [];
  if (req.method === 'GET' && path === '/info/refs') {
    const operation = /^service=git-(upload-pack|receive-pack)$/.exec(query)?.[1];
    return operation === undefined ? null : { operation: operation as Operation, path, query, listing: true };
  }
  const operation = /^\/git-(upload-pack|receive-pack)$/.exec(path)?.[1];
  if (
    req.method !== 'POST' ||
    operation === undefined ||
    req.headers['content-type'] !== `application/x-git-${operation}-request`
  )
    return null;
  return { operation: operation as Operation, path, query: '', listing: false };
}

/**
 * Git-Protocol is not passed on: under version 2 upload-pack gives any object whose id a client can name, hidden or not. Clients fall
 * back to version 0 by themselves.
 */
function environmentOf(
  req: IncomingMessage,
  route: Route,
  { repository, root, grant, node }: GitService,
): Record<string, string> {
  const header = (name: string): string => req.headers[name]?.toString() ?? '';
  const compressed = header('content-encoding');
  return {
    // Storage that replicas share may belong to another user.
    ...configEnvironment([...visibleRefs(route, grant), ['safe.directory', repository.dir]]),
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: `/${basename(repository.dir)}${route.path}`,
    REQUEST_METHOD: req.method ?? 'GET',
    QUERY_STRING: route.query,
    CONTENT_TYPE: header('content-type'),
    ...(header('content-length') === '' ? {} : { CONTENT_LENGTH: header('content-length') }),
    ...(compressed === 'gzip' || compressed === 'x-gzip' ? { HTTP_CONTENT_ENCODING: 'gzip' } : {}),
    REMOTE_ADDR: req.socket.remoteAddress ?? '',
    REMOTE_USER: /^[\w.@-]{1,100}$/.test(grant.user ?? '') ? (grant.user ?? '') : 'signalbox',
    ...grantEnvironment(grant.push),
    SIGNALBOX_HOOK_NODE: node,
  };
}

/**
 * A fetch sees the granted refs and nothing else. So does the listing before a push; the push itself hides only what is the
 * service's own, because git refuses a hidden ref without a reason and our hook refuses it with one.
 */
function visibleRefs(route: Route, grant: HubGrant): [string, string][] {
  if (route.operation === 'receive-pack' && !route.listing)
    return [
      ['receive.hideRefs', 'refs/signalbox/'],
      ['receive.hideRefs', 'refs/remotes/'],
    ];
  const section = route.operation === 'upload-pack' ? 'uploadpack' : 'receive';
  const shown =
    route.operation === 'upload-pack' ? grant.readRefs : grant.push === null ? [] : [grant.push.ref];
  return [
    [`${section}.hideRefs`, 'refs/'],
    ...shown.map((ref): [string, string] => [`${section}.hideRefs`, `!${checkRefName(ref)}`]),
  ];
}

async function converse(
  req: IncomingMessage,
  res: ServerResponse,
  child: GitChild,
  { limits, repository }: GitService,
  route: Route,
): Promise<void> {
  const stderr = collectStderr(child.stderr);
  const deadline = setTimeout(() => child.end(), Math.min(limits.deadlineMs, 2 ** 31 - 1));
  // A client that is gone wants no pack. A push whose bytes are all here goes on: it is either taken whole or not at all.
  const onClose = (): void => {
    if (!res.writableFinished && (route.operation === 'upload-pack' || !req.complete)) child.end();
  };
  res.once('close', onClose);
  const body = sendBody(req, child, limits);
  try {
    const answered = await answer(res, child);
    await child.ended;
    if (!answered)
      throw new Error(
        `git http-backend gave no answer for ${basename(repository.dir)}: ${stderr().trim().slice(-500)}`,
      );
  } catch (error) {
    child.end();
    if ((await body) === 'too_large') refuse(res, 413, tooLarge(limits));
    else if (!res.headersSent) refuse(res, 500, 'hub_failed: the hub could not answer; try again');
    else res.destroy();
    if (!res.destroyed && !(error instanceof Error)) throw error;
  } finally {
    clearTimeout(deadline);
    res.off('close', onClose);
  }
}

/** Passes the request's body on, up to the limit. What the program does not take is read all the same, see `readAway`. */
async function sendBody(
  req: IncomingMessage,
  child: GitChild,
  limits: HttpLimits,
): Promise<'sent' | 'cut' | 'too_large'> {
  let size = 0;
  let tooBig = false;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      tooBig = size > limits.maxBodyBytes + COMMANDS_BYTES;
      if (tooBig) done(new Error('too large'));
      else done(null, chunk);
    },
  });
  const onCut = (): void => {
    if (!req.complete) limit.destroy(new Error('the client is gone'));
  };
  req.once('close', onCut);
  try {
    // Not one pipeline: that would close the connection of a request whose body can not be passed on.
    req.pipe(limit);
    await pipeline(limit, child.stdin);
    return 'sent';
  } catch {
    req.unpipe(limit);
    readAway(req);
    // The program is left to end by itself, and says what it thinks of a pack that is too large or cut short.
    return tooBig ? 'too_large' : 'cut';
  } finally {
    req.off('close', onCut);
  }
}

/**
 * Throws away the rest of a body for a while. A connection that is reset under an upload leaves git's two programs on the other side
 * waiting for each other for ever; a client that gets an answer stops sending by itself.
 */
function readAway(req: IncomingMessage): void {
  if (req.complete) return;
  req.resume();
  const limit = setTimeout(() => req.socket.destroy(), READ_AWAY_MS);
  limit.unref();
  req.once('close', () => clearTimeout(limit));
}

/** Turns the CGI answer into an HTTP answer; false when the program ended without one. */
async function answer(res: ServerResponse, child: GitChild): Promise<boolean> {
  const stdout = child.stdout;
  const head = await readHead(stdout);
  if (head === null) return false;
  res.writeHead(head.status, head.headers.flat());
  if (head.rest.length > 0) res.write(head.rest);
  await pipeline(stdout, res);
  return true;
}

async function readHead(stdout: Readable): Promise<CgiHead | null> {
  let bytes: Buffer = Buffer.alloc(0);
  // The iterator has to be left before the rest can flow elsewhere.
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    const head = parseCgiHead(bytes);
    if (head !== null) return head;
  }
  return null;
}

function tooLarge(limits: HttpLimits): string {
  return `push_too_large: a push may have ${limits.maxBodyBytes} bytes`;
}

function refuse(res: ServerResponse, status: number, text: string): void {
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  res.end(`signalbox: ${text}\n`);
  readAway(res.req);
}
