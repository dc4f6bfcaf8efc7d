import { describe, expect, test } from 'vitest';
import { readOptions, SABOTAGES, UsageError } from '../../src/demo/options.ts';

describe('the options of the demo', () => {
  test('are one run of nine tasks with a random seed by default', () => {
    expect(readOptions([], 42)).toEqual({
      seed: 42,
      tasks: 9,
      repeat: 1,
      sabotage: null,
      inspect: false,
      repo: null,
      keep: false,
    });
  });

  test('are taken from the arguments', () => {
    const args = ['--seed', '7', '--tasks', '30', '--repeat=20', '--repo', '/a b', '--inspect', '--keep'];
    expect(readOptions(args, 42)).toMatchObject({
      seed: 7,
      tasks: 30,
      repeat: 20,
      repo: '/a b',
      inspect: true,
      keep: true,
    });
  });

  test.each(SABOTAGES)('know the sabotage %s', (how) => {
    expect(readOptions(['--sabotage', how], 0).sabotage).toBe(how);
  });

  test.each([
    [['--seed', '-1'], '--seed'],
    [['--seed', 'x'], '--seed takes a whole number'],
    [['--tasks', '8'], 'from 9 to 200'],
    [['--tasks', '1e2'], '--tasks'],
    [['--repeat', '0'], '--repeat'],
    [['--sabotage', 'all'], 'drop-commit, half-land, skip-project'],
    [['--nonsense'], '--nonsense'],
    [['more'], 'more'],
  ])('refuse %j with what to correct', (args, said) => {
    expect(() => readOptions(args, 0)).toThrow(UsageError);
    expect(() => readOptions(args, 0)).toThrow(said);
  });
});
