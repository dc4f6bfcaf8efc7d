import { Children } from '../../src/demo/children.ts';
import { Requests } from '../../src/demo/requests.ts';
import { freePort, ServiceProcess } from '../../src/demo/service-process.ts';
import type { InitiativeTree } from '../../src/services/shapes/actor.ts';
import type { CommentThread } from '../../src/services/shapes/comment.ts';
import type { JournalEntryView, JournalPage } from '../../src/services/shapes/journal.ts';

/** What a service knows of a run that is over. */
export interface KeptRun {
  readonly trees: readonly InitiativeTree[];
  /** All events of all initiatives, in the order of the feed; a token's principal is its name. */
  readonly journal: readonly JournalEntryView[];
  /** Of all phases. */
  readonly comments: readonly CommentThread[];
}

/** Starts a service on the data that a run has kept, and asks it. */
export async function readKeptRun(folder: string, signal: AbortSignal): Promise<KeptRun> {
  const children = new Children(10_000);
  try {
    const service = new ServiceProcess(children, folder, await freePort(), {
      PATH: process.env['PATH'] ?? '',
    });
    await service.start(signal);
    const requests = new Requests(() => service.url, await service.adminToken(), signal);
    const { initiatives } = await requests.get<{ initiatives: readonly { id: string }[] }>('/v1/initiatives');
    const trees: InitiativeTree[] = [];
    const comments: CommentThread[] = [];
    for (const { id } of initiatives) {
      const tree = await requests.get<InitiativeTree>(`/v1/initiatives/${id}`);
      trees.push(tree);
      for (const phase of tree.phases) {
        const path = `/v1/phases/${phase.id}/review/comments`;
        comments.push(...(await requests.get<{ comments: CommentThread[] }>(path)).comments);
      }
    }
    const { tokens } = await requests.get<{ tokens: readonly { id: string; name: string }[] }>('/v1/tokens');
    const names = new Map(tokens.map(({ id, name }) => [`token:${id}`, name]));
    const journal: JournalEntryView[] = [];
    for (let after: string | null | undefined = null; after !== undefined;) {
      const page: JournalPage = await requests.get<JournalPage>('/v1/journal', { after });
      for (const entry of page.entries)
        journal.push({ ...entry, principal: names.get(entry.principal) ?? entry.principal });
      after = page.entries.at(-1)?.cursor;
    }
    return { trees, journal, comments };
  } finally {
    await children.stop();
  }
}
