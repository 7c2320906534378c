import { describe, expect, it } from 'vitest';
import { ServerClock } from './clock';
import { freshness } from './freshness';

const SERVER = 1_795_557_265_000;

describe('server clock', () => {
  for (const wrong of [14 * 60_000, -14 * 60_000, 0]) {
    it(`finds the server's time though the browser is ${wrong} ms off`, () => {
      let mono = 5_000;
      const clock = new ServerClock(
        () => mono,
        () => SERVER + wrong + mono - 5_000,
      );
      clock.sample(SERVER, 40);
      mono += 1_000;
      expect(clock.now()).toBe(SERVER + 20 + 1_000);
      expect(clock.skew()).toBeCloseTo(20 - wrong, 5);
    });
  }

  it('believes the sample with the least round trip', () => {
    const clock = new ServerClock(
      () => 0,
      () => 0,
    );
    clock.sample(1_000, 10);
    clock.sample(1_400, 800);
    expect(clock.now()).toBe(1_005);
  });

  it('measures anew after sleep, when the monotonic clock stood still', () => {
    const clock = new ServerClock(
      () => 0,
      () => 0,
    );
    clock.sample(1_000, 10);
    clock.forget();
    clock.sample(3_601_000, 300);
    expect(clock.now()).toBe(3_601_150);
  });
});

describe('freshness', () => {
  it('goes from live over late to lost', () => {
    expect([null, 0, 5_999, 6_000, 15_000, 15_001].map(freshness)).toEqual([
      'loading',
      'live',
      'live',
      'late',
      'late',
      'lost',
    ]);
  });
});
