import { createInterface } from 'node:readline';
import { parseCommand, readGrant, refusalOf } from './grant.ts';

/** Refuses a push before its objects enter the repository: one wrong ref refuses all of it. */
const grant = readGrant(process.env);
let refused = false;
for await (const line of createInterface({ input: process.stdin })) {
  const command = parseCommand(line);
  const refusal = refusalOf(command, grant);
  if (refusal === null) continue;
  refused = true;
  process.stderr.write(`signalbox: ${command.ref} refused: ${refusal}\n`);
}
process.exitCode = refused ? 1 : 0;
