/** Keeps the error of an effect for people to read. */
export const keepError = {
  type: 'recordError',
  params: ({ event }: { event: { error: unknown } }) => ({ error: event.error }),
} as const;

/** Keeps what an effect came to when that was not what was hoped for. */
export const keepResult = {
  type: 'recordResult',
  params: <Output>({ event }: { event: { output: Output } }) => event.output,
} as const;

/** Asks a guard about what an effect came to. */
export function answer<Guard extends string>(guard: Guard) {
  return {
    type: guard,
    params: <Output>({ event }: { event: { output: Output } }) => event.output,
  } as const;
}

/** The intents of a landing are closed in the turn that takes its result, so that neither is ever seen without the other. */
export const closeIntents = { type: 'intents.close', params: {} } as const;
