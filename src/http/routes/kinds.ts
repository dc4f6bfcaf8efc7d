/** The part of a path, of a refusal and of an operation id that differs between the three kinds. */
export const KINDS = [
  { kind: 'initiative', path: 'initiatives', name: 'Initiative', unknown: 'unknown_initiative' },
  { kind: 'phase', path: 'phases', name: 'Phase', unknown: 'unknown_phase' },
  { kind: 'task', path: 'tasks', name: 'Task', unknown: 'unknown_task' },
] as const;
