import { fromPromise } from 'xstate';

/**
 * Names an effect and its shapes for the type checker. The machine only says that it wants the effect; the runtime makes a
 * durable row of it and a service does the work, so this logic is never run.
 */
export function effect<Output, Input = Record<string, never>>() {
  return fromPromise<Output, Input>(() =>
    Promise.reject(new Error('machines start nothing: effects are run by the actor runtime')),
  );
}
