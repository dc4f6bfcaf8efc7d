export function isAtLeast(version: string, oldest: readonly [number, number]): boolean;
export function nodeFault(version: string): string | null;
export function gitFault(): string | null;
