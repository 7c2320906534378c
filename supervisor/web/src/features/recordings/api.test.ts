import { describe, expect, it } from 'vitest';
import { stretches } from './api';

describe('stretches', () => {
  it('follow each other, and pauses lie on top of them', () => {
    const found = stretches(
      [
        { at_ms: 0, mark: 'segment', segment: 'wait' },
        { at_ms: 2_000, mark: 'segment', segment: 'talk' },
        { at_ms: 3_000, mark: 'paused', reason: 'card' },
        { at_ms: 3_500, mark: 'paused', reason: 'again' },
        { at_ms: 4_000, mark: 'resumed' },
        { at_ms: 5_000, mark: 'segment', segment: 'hold' },
        { at_ms: 6_000, mark: 'paused', reason: 'open' },
      ],
      8_000,
    );
    expect(found).toEqual([
      { kind: 'wait', from: 0, to: 2_000 },
      { kind: 'talk', from: 2_000, to: 5_000 },
      { kind: 'paused', from: 3_000, to: 4_000 },
      { kind: 'hold', from: 5_000, to: 8_000 },
      { kind: 'paused', from: 6_000, to: 8_000 },
    ]);
  });
});
