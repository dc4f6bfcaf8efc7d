import type { Principal } from './shapes/token.ts';

/** How the journal names who asked. */
export function principalName(principal: Principal): string {
  return `token:${principal.tokenId}`;
}
