/** Whom a message goes to: an actor by its place in the family, resolved by the runtime. */
export type Address = 'parent' | { readonly child: number } | { readonly sibling: number };

/** One message. */
export interface Tell {
  readonly to: Address;
  readonly event: { readonly type: string; readonly [field: string]: unknown };
}

/** The parameters of the action `tell`: one message, or several in order. */
export type TellParams = Tell | { readonly many: readonly Tell[] };

/** The action `tell` with what there is to say in this context. */
export function tell<Context>(messages: (context: Context) => TellParams) {
  return { type: 'tell', params: ({ context }: { context: Context }) => messages(context) } as const;
}

/** The parameters of the action `create`: the child's number, machine and input. */
export interface Create {
  readonly child: number;
  readonly machine: 'phase' | 'task';
  readonly input: Record<string, unknown>;
}

/** Inert action implementations: the pure step reads name and parameters, nobody runs them. */
export function inert<P>(): (args: unknown, params: P) => void {
  return () => undefined;
}
