import { describe, expect, it } from 'vitest';
import { rateLevel, readyLevel, waitLevel } from './levels';

describe('levels', () => {
  it('judges a rate only with enough contacts behind it', () => {
    expect(rateLevel(0.5, 9, 10, 0.9)).toBe('normal');
    expect(rateLevel(0.899, 10, 10, 0.9)).toBe('breach');
    expect(rateLevel(0.91, 10, 10, 0.9)).toBe('warn');
    expect(rateLevel(0.92, 10, 10, 0.9)).toBe('normal');
    expect(rateLevel(null, 10, 10, 0.9)).toBe('normal');
  });

  it('raises a wait at two thirds and at the whole of its most', () => {
    expect([null, 10_000, 10_001, 15_000, 15_001].map((ms) => waitLevel(ms, 15_000))).toEqual([
      'normal',
      'normal',
      'warn',
      'warn',
      'breach',
    ]);
  });

  it('calls no ready agent a breach', () => {
    expect([0, 1, 2].map((ready) => readyLevel(ready, 2))).toEqual(['breach', 'warn', 'normal']);
  });
});
