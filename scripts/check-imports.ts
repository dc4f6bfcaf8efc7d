/** `node scripts/check-imports.ts`: prints every import that points the wrong way. */
import { allImportFaults } from './import-rules.ts';

const faults = await allImportFaults('src');
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
