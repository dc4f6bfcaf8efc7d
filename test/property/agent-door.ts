import { randomUUID } from 'node:crypto';
import type { AgentView, Claim } from '../../src/services/shapes/agent.ts';
import type { Answer, ReachableService } from './reachable-service.ts';

export type Report = 'submit' | 'fail' | 'stop' | 'ask' | 'heartbeat' | 'progress';

/** What an agent says to the service; its token has its name. */
export class AgentDoor {
  readonly #service: ReachableService;
  readonly #name: string;
  readonly #capabilities: readonly string[];
  #id = '';

  constructor(service: ReachableService, name: string, capabilities: readonly string[]) {
    this.#service = service;
    this.#name = name;
    this.#capabilities = capabilities;
  }

  async register(): Promise<void> {
    const body = { name: this.#name, capabilities: this.#capabilities };
    const sent = { method: 'POST', path: '/v1/agents', body } as const;
    this.#id = (await this.#service.must<AgentView>(this.#name, sent)).id;
  }

  claim(waitSeconds: number): Promise<Answer<Claim | null>> {
    return this.#post<Claim | null>('claim', { waitSeconds });
  }

  report<T>({ lease }: Claim, what: Report, body: object, key: string = randomUUID()): Promise<Answer<T>> {
    return this.#post<T>(what, { lease: lease.id, ...body }, key);
  }

  #post<T>(what: string, body: object, key: string = randomUUID()): Promise<Answer<T>> {
    return this.#service.send<T>(this.#name, {
      method: 'POST',
      path: `/v1/agents/${this.#id}/${what}`,
      body,
      key,
    });
  }
}
