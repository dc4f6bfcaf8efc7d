import { describe, expect, test } from 'vitest';
import { survival } from '../../src/demo/survival.ts';

const whole = { kills: 2, resumed: 1, hasKilledAgent: true, hasMerged: true };

describe('a run of the demo', () => {
  test('that met everything says what it survived', () => {
    expect(survival(whole)).toBe('survived: 2 kills, 1 landings resumed');
  });

  test.each([
    ['with one kill', { kills: 1 }, 'only 1 processes were killed'],
    ['without a landing that was resumed', { resumed: 0 }, 'no landing was in flight'],
    ['without a killed agent', { hasKilledAgent: false }, 'no agent was killed at work'],
    ['without a conflict', { hasMerged: false }, 'no conflict came up'],
  ])('%s fails', (_title, missing, message) => {
    expect(() => survival({ ...whole, ...missing })).toThrow(message);
  });
});
