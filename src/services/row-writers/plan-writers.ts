import type { RowWriter } from '../../actors/row-writer.ts';

/** Rows of what is added to a plan while it runs, and of what people change about it. */
export const planWriters: readonly RowWriter[] = [
  {
    name: 'task.insert',
    columns: {
      child: 'int',
      key: 'text',
      title: 'text',
      description: 'text',
      category: 'text',
      priority: 'int',
      needsReview: 'boolean',
      capabilities: 'text[]',
      projects: 'text[]',
      dependsOn: 'int[]',
      conflictOf: 'text',
      resolves: 'int',
      round: 'int',
    },
    // A merge task works in the projects of the task whose conflict it resolves.
    statement: (rows) => `
      INSERT INTO task (id, phase_id, initiative_id, ordinal, key, title, description, category, priority, needs_review,
                        capabilities, projects, depends_on, conflict_of, resolves, round)
      SELECT x.child_id, x.actor_id, x.root_id, x.child, x.key, x.title, x.description, x.category, x.priority, x."needsReview",
             x.capabilities, coalesce(x.projects, t.projects), x."dependsOn", x."conflictOf", x.resolves, x.round
        FROM ${rows} x LEFT JOIN task t ON t.phase_id = x.actor_id AND t.ordinal = x.resolves`,
  },
  {
    name: 'phase.insert',
    columns: { child: 'int', key: 'text', title: 'text', description: 'text', dependsOn: 'int[]' },
    statement: (rows) => `
      INSERT INTO phase (id, initiative_id, ordinal, key, title, description, depends_on)
      SELECT child_id, actor_id, child, key, title, description, "dependsOn" FROM ${rows}`,
  },
  {
    name: 'title.put',
    key: () => 'title',
    columns: { title: 'text' },
    statement: (rows) => `
      INSERT INTO renamed (unit_id, title) SELECT actor_id, title FROM ${rows}
      ON CONFLICT (unit_id) DO UPDATE SET title = excluded.title`,
  },
  {
    name: 'pause.put',
    key: () => 'pause',
    columns: { paused: 'boolean' },
    statement: (rows) => `UPDATE initiative i SET paused = x.paused FROM ${rows} x WHERE i.id = x.actor_id`,
  },
  {
    name: 'strategy.put',
    key: ({ project }) => (typeof project === 'string' ? project : ''),
    columns: { project: 'text', strategy: 'text' },
    statement: (rows) => `
      UPDATE initiative_project ip SET strategy = x.strategy
        FROM ${rows} x JOIN project p ON p.key = x.project
       WHERE ip.initiative_id = x.actor_id AND ip.project_id = p.id`,
  },
];
