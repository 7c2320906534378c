/** How times, durations and rates are written, the same in both languages where tables show them. */

/** `m:ss`, from one hour `h:mm:ss`; a negative duration shows 0:00. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** One decimal, no space; a rate with fewer than `from` contacts behind it is not shown. */
export function rate(value: number | null | undefined, behind: number, from: number): string {
  if (value === null || value === undefined || behind < from) return '-';
  return `${(value * 100).toFixed(1)}%`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let known = formats.get(zone);
  if (!known) {
    known = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone || undefined,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(zone, known);
  }
  return known;
}

/** `2026-11-21 14:03:22` in the hotline's zone. */
export function dateTime(ms: number, zone: string): string {
  const part = Object.fromEntries(
    format(zone)
      .formatToParts(ms)
      .map((piece) => [piece.type, piece.value]),
  );
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
}

/** `14:03:22` in the hotline's zone. */
export function clockTime(ms: number, zone: string): string {
  return dateTime(ms, zone).slice(11);
}
