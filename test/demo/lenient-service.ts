import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** Stands before a service and approves whatever is there, as one would that does not look at the heads it is sent. Gives its address. */
export async function startLenientService(url: string): Promise<string> {
  const server = createServer((request, response) => void pass(url, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function pass(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const address = new URL(request.url ?? '/', url);
  const headers = {
    authorization: request.headers.authorization ?? '',
    ...(request.method === 'POST' ? { 'content-type': 'application/json' } : {}),
  };
  const sent = await text(request);
  const event = sent === '' ? null : (JSON.parse(sent) as { type?: string });
  let body = sent;
  if (event?.type === 'phase.approve') {
    const review = await fetch(new URL(address.pathname.replace(/events$/u, 'review'), url), { headers });
    const { heads } = (await review.json()) as { heads: unknown };
    body = JSON.stringify({ ...event, heads });
  }
  const answer = await fetch(address, {
    method: request.method ?? 'GET',
    headers,
    ...(body === '' ? {} : { body }),
  });
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(await answer.text());
}
