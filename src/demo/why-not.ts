import type { BoardView } from '../board/board-view.ts';
import type { Client } from './client.ts';

/** An error with what the service says about everything that is not done: the first thing one wants to know. */
export async function whyNot(error: unknown, views: readonly BoardView[], client: Client): Promise<string> {
  const lines = [error instanceof Error ? error.message : String(error)];
  for (const phase of views.flatMap(({ phases }) => phases)) {
    for (const { kind, id, key, tags } of [phase, ...phase.tasks]) {
      if (tags.includes('settled')) continue;
      const said = await client.explain(kind === 'phase' ? 'phases' : 'tasks', id).catch(() => null);
      lines.push(
        `  ${phase.key ?? ''}${kind === 'task' ? `/${key ?? ''}` : ''}: ${said?.sentence ?? 'the service does not say'}`,
      );
    }
  }
  return lines.join('\n');
}
