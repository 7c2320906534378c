/** When a figure stands out: normal, warn, breach. */
import type { Level } from '../../shared/ui/tile';

/** A rate against its least; warns within two points of it. Too few contacts: nothing to say. */
export function rateLevel(
  value: number | null | undefined,
  behind: number,
  from: number,
  least: number,
): Level {
  if (value === null || value === undefined || behind < from) return 'normal';
  if (value < least) return 'breach';
  return value < least + 0.02 ? 'warn' : 'normal';
}

/** A wait against its most; warns from two thirds of it. */
export function waitLevel(waited: number | null, most: number): Level {
  if (waited === null) return 'normal';
  if (waited > most) return 'breach';
  return waited > (most * 2) / 3 ? 'warn' : 'normal';
}

/** Ready agents against the least: none is a breach. */
export function readyLevel(ready: number, least: number): Level {
  if (ready === 0) return 'breach';
  return ready < least ? 'warn' : 'normal';
}
