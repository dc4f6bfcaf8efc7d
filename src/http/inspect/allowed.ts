/**
 * What of a context and of an event an inspector is shown: numbers, switches and words of the plan. Never text that people or
 * agents wrote, lease ids, commits or failures: the page that draws it may be somebody else's.
 */
const CONTEXT = new Set([
  'active',
  'attempt',
  'cancelRequested',
  'category',
  'conflicts',
  'deferrals',
  'deferSeconds',
  'dependents',
  'draft',
  'failures',
  'maxAttempts',
  'maxRounds',
  'maxConflicts',
  'mode',
  'needsReview',
  'next',
  'opened',
  'ordinal',
  'outcome',
  'outruns',
  'paused',
  'pending',
  'phaseLimit',
  'phaseOpen',
  'priority',
  'resolver',
  'conflictOf',
  'resolves',
  'round',
  'settled',
  'stranded',
  'stuck',
  'waiting',
  'watchers',
]);

const EVENT = new Set([
  'by',
  'of',
  'ordinal',
  'outcome',
  'policy',
  'dependents',
  'priority',
  'to',
  'attempt',
]);

type Fields = Readonly<Record<string, unknown>>;

function only(fields: Fields, names: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.has(name)));
}

export function shownContext(context: Fields): Fields {
  return only(context, CONTEXT);
}

export function shownEvent(type: string, event: Fields): Fields & { readonly type: string } {
  return { ...only(event, EVENT), type };
}
