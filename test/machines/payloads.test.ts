import { describe, expect, it } from 'vitest';
import { headsSchema, MAX_PROJECTS, newTaskSchema, strategiesSchema } from '../../src/machines/payloads.ts';

const byProject = <T>(count: number, value: T) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`project-${index}`, value]));

describe('what is said by project', () => {
  it.each([
    ['heads', headsSchema, 'a'.repeat(40)],
    ['strategies', strategiesSchema, 'push_branch'],
  ])('%s name as many projects as an initiative may have, and no more', (_, schema, value) => {
    expect(schema.safeParse(byProject(MAX_PROJECTS, value)).success).toBe(true);
    expect(schema.safeParse(byProject(MAX_PROJECTS + 1, value)).success).toBe(false);
  });

  it('a task names no project at all by leaving them out, never by an empty list', () => {
    const task = { key: 'a', title: 'A' };
    expect(newTaskSchema.parse(task).projects).toBeNull();
    expect(newTaskSchema.safeParse({ ...task, projects: [] }).success).toBe(false);
  });
});
