/** How old the live page is. */

export type Freshness = 'loading' | 'live' | 'late' | 'lost';

/** Silence after which the page is late, ms. */
export const LATE_AFTER = 6_000;
/** Silence after which the page is lost, ms. */
export const LOST_AFTER = 15_000;

/** `silence` is the time since the last frame in ms; null where none came yet. */
export function freshness(silence: number | null): Freshness {
  if (silence === null) return 'loading';
  if (silence < LATE_AFTER) return 'live';
  return silence <= LOST_AFTER ? 'late' : 'lost';
}
