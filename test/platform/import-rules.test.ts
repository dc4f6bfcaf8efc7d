import { describe, expect, it } from 'vitest';
import { allImportFaults, importFaults, importsOf } from '../../scripts/import-rules.ts';

describe('the import rules', () => {
  it('hold in src', async () => {
    expect(await allImportFaults('src')).toEqual([]);
  });

  it.each([
    ['machines/task.ts', `import { readFile } from 'node:fs/promises';`],
    ['machines/task.ts', `import type { Sql } from '../actors/sql.ts';`],
    ['machines/upgrades/v2.ts', `import { x } from '../../services/planning.ts';`],
    ['actors/runtime.ts', `import pg from 'pg';`],
    ['actors/runtime.ts', `import { task } from '../machines/task.ts';`],
    ['actors/runtime.ts', `import { Refusal } from '../errors.ts';`],
    ['git/hub.ts', `import type { Runtime } from '../actors/runtime.ts';`],
    ['git/hub.ts', `export * from '../services/reads.ts';`],
    ['board/board.ts', `import { z } from 'zod';`],
    ['board/board.ts', `import { createActor } from 'xstate';`],
    ['services/reads.ts', `import { createServer } from '../http/server.ts';`],
    ['http/server.ts', `import { openDatabase } from '../db/database.ts';`],
    ['http/server.ts', `const later = await import('../git/hub.ts');`],
    ['demo/run-demo.ts', `import { startService } from '../service.ts';`],
    ['demo/run-demo.ts', `import\n  type { Config }\n  from '../config.ts';`],
    ['db/database.ts', `import { createTestDatabase } from '../../test/support/database.ts';`],
    ['db/database.ts', `import '../http/server.ts';`],
    ['newcomer/index.ts', `import { z } from 'zod';`],
  ])('forbid in %s: %s', (file, source) => {
    expect(importFaults(file, source)).toHaveLength(1);
  });

  it.each([
    [
      'machines/task.ts',
      `import { setup } from 'xstate'; import { z } from 'zod'; import { tags } from './tags.ts';`,
    ],
    [
      'services/reads.ts',
      `import { Refusal } from '../errors.ts'; import type { Sql } from '../actors/sql.ts';`,
    ],
    ['db/database.ts', `import { migrations } from '../../migrations/index.ts';`],
    ['demo/screen.ts', `import { createBoard } from '../board/board.ts';`],
    ['board/board.ts', `import { createStore } from '@xstate/store';`],
    ['app.ts', `import { Hub } from './git/hub.ts';`],
    ['git/hub.ts', `// import { x } from '../actors/sql.ts';`],
  ])('allow in %s: %s', (file, source) => {
    expect(importFaults(file, source)).toEqual([]);
  });

  it('see every form of an import', () => {
    const source = `import a from 'one'; import 'two';\nexport { b } from "three"; const c = import('four');\nimport type { D } from 'five';`;
    expect(importsOf(source)).toEqual(['one', 'two', 'three', 'four', 'five']);
  });
});
