import { Client } from './client.ts';
import type { ServiceProcess } from './service-process.ts';

/** Everybody around a service has a token of their own; none of these is an administrator's. */
export interface People {
  readonly operator: Client;
  readonly reviewer: Client;
  readonly viewer: Client;
  readonly agentToken: string;
}

export async function issueTokens(service: ServiceProcess, signal: AbortSignal): Promise<People> {
  const url = (): string => service.url;
  const admin = new Client(url, await service.adminToken(), signal);
  const client = async (name: string, scope: 'operator' | 'reviewer' | 'viewer'): Promise<Client> =>
    new Client(url, await admin.makeToken(name, scope), signal);
  return {
    operator: await client('demo operator', 'operator'),
    reviewer: await client('demo reviewer', 'reviewer'),
    viewer: await client('demo board', 'viewer'),
    agentToken: await admin.makeToken('demo agents', 'agent'),
  };
}
