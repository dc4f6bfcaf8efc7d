import type { ActorSource, ActorView, JournalFeed } from '../../services/contracts.ts';
import { followFeed, type FeedEntry } from '../follow-feed.ts';
import { type InspectionMessage, type InspectedSnapshot, notices, registration } from './protocol.ts';

export interface InspectionSource {
  readonly feed: JournalFeed;
  readonly actors: ActorSource;
  /** The machine's definition as a JSON string. */
  readonly definitionOf: (machine: string) => string;
}

interface Shown {
  readonly version: number;
  readonly snapshot: InspectedSnapshot;
}

/** Parents before their children: a receiver hangs an actor under one that it knows. */
export function parentsFirst(views: readonly ActorView[]): ActorView[] {
  const byId = new Map(views.map((view) => [view.id, view]));
  const depthOf = (view: ActorView): number => {
    const parent = view.parentId === null ? undefined : byId.get(view.parentId);
    return parent === undefined ? 0 : 1 + depthOf(parent);
  };
  return views.toSorted((a, b) => depthOf(a) - depthOf(b));
}

/**
 * Everything about one initiative for one viewer, who may have come late: each actor with its newest snapshot, then what
 * happens. The journal is read from its beginning and what a registration already shows is left out: so nothing can fall
 * between the look at the actors and the first page, and no position has to be known.
 */
export async function* inspectInitiative(
  source: InspectionSource,
  rootId: string,
  signal: AbortSignal,
): AsyncGenerator<InspectionMessage> {
  const shown = new Map<string, Shown>();
  const register = (view: ActorView): InspectionMessage => {
    const message = registration(view, source.definitionOf(view.machine));
    shown.set(view.id, { version: view.version, snapshot: message.snapshot });
    return message;
  };

  for (const view of parentsFirst(await source.actors.listByRoot(rootId))) yield register(view);

  for await (const page of followFeed(source.feed, { rootId, signal })) {
    const news = page.filter((entry) => entry.seq > (shown.get(entry.actorId)?.version ?? 0));
    if (news.length === 0) continue;
    const actorIds = [...new Set(news.map(({ actorId }) => actorId))];
    const views = new Map((await source.actors.peekMany(actorIds)).map((view) => [view.id, view]));
    const newborn = await withAncestors(
      [...views.values()].filter(({ id }) => !shown.has(id)),
      shown,
      source.actors,
    );
    for (const view of parentsFirst(newborn)) yield register(asOf(view, news));
    for (const entry of news) yield* tell(entry, views.get(entry.actorId), shown);
  }
}

/** Family born in one commit may be spread over two pages: what is registered comes with every parent that is not known yet. */
async function withAncestors(
  newborn: readonly ActorView[],
  shown: ReadonlyMap<string, Shown>,
  actors: ActorSource,
): Promise<ActorView[]> {
  const family = new Map(newborn.map((view) => [view.id, view]));
  for (;;) {
    const missing = [...family.values()]
      .map(({ parentId }) => parentId)
      .filter((id) => id !== null)
      .filter((id) => !shown.has(id) && !family.has(id));
    const parents = missing.length === 0 ? [] : await actors.peekMany([...new Set(missing)]);
    if (parents.length === 0) return [...family.values()];
    for (const parent of parents) family.set(parent.id, parent);
  }
}

/** A newborn as its first entry left it: what came after is told by the entries themselves. */
function asOf(view: ActorView, news: readonly FeedEntry[]): ActorView {
  const first = news.find(({ actorId }) => actorId === view.id);
  if (first === undefined || first.seq === view.version) return view;
  return { ...view, version: first.seq, state: first.answer.state, status: 'active', updatedAt: first.at };
}

function* tell(
  entry: FeedEntry,
  view: ActorView | undefined,
  shown: Map<string, Shown>,
): Generator<InspectionMessage> {
  const before = shown.get(entry.actorId);
  if (before === undefined || entry.seq <= before.version) return;
  // The journal does not keep contexts: the newest is right for the newest entry, and the last one known until then.
  const isNewest = view !== undefined && view.version === entry.seq;
  const snapshot = isNewest ? registration(view, '').snapshot : before.snapshot;
  yield* notices(entry, snapshot.context, isNewest ? snapshot.status : 'active');
  shown.set(entry.actorId, { version: entry.seq, snapshot });
}
