import { afterAll } from 'vitest';
import { removeTempFolders } from '../git/support.ts';

// Modules are loaded once for many test files, and what they say when they are loaded counts for the first of these alone; this one
// is loaded anew for each.
afterAll(removeTempFolders);
