import { expect } from 'vitest';

export interface Operation {
  readonly url: string;
  readonly method: string;
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string }[];
  readonly responses: Readonly<Record<string, { readonly description?: string }>>;
}

export interface ApiDocument {
  readonly info: { readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Omit<Operation, 'url' | 'method'>>>>>;
}

export function operationsOf(document: ApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([url, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, url, method })),
  );
}

/** The refusals that the reference names for an operation. */
export function codesOf(operation: Operation | undefined): string[] {
  return Object.entries(operation?.responses ?? {})
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([, { description = '' }]) => [...description.matchAll(/^`([a-z_]+)`:/gm)])
    .map(([, code]) => code ?? '');
}

/** A refusal that a route gives has to be one that the reference names for it. */
export function expectDeclared(document: ApiDocument, method: string, address: string, code: string): void {
  const parts = (address.split('?', 1)[0] ?? '').split('/');
  const operation = operationsOf(document).find(({ url, ...found }) => {
    const pattern = url.split('/');
    return (
      found.method === method.toLowerCase() &&
      pattern.length === parts.length &&
      pattern.every((part, at) => part.startsWith('{') || part === parts[at])
    );
  });
  if (operation === undefined) return;
  expect(codesOf(operation), `${operation.operationId} does not declare ${code}`).toContain(code);
}
