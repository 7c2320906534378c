import { describe, expect, it } from 'vitest';
import { clockTime, dateTime, duration, rate } from './format';

describe('formats', () => {
  it('writes durations without ever a minus sign', () => {
    expect([-5_000, 0, 59_999, 60_000, 3_599_000, 3_600_000, 36_061_000].map(duration)).toEqual([
      '0:00',
      '0:00',
      '0:59',
      '1:00',
      '59:59',
      '1:00:00',
      '10:01:01',
    ]);
  });

  it('hides a rate that too few contacts stand behind', () => {
    expect(rate(0.9123, 10, 10)).toBe('91.2%');
    expect(rate(1, 9, 10)).toBe('-');
    expect(rate(null, 100, 10)).toBe('-');
    expect(rate(0, 100, 10)).toBe('0.0%');
  });

  it('writes times in the zone of the hotline, not of the browser', () => {
    expect(dateTime(1_795_557_265_000, 'Asia/Shanghai')).toBe('2026-11-25 05:54:25');
    expect(clockTime(1_795_557_265_000, 'UTC')).toBe('21:54:25');
    expect(dateTime(1_795_536_000_000, 'Asia/Shanghai')).toBe('2026-11-25 00:00:00');
  });
});
