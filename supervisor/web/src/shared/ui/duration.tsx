/** Time since a moment of the server, ticking by itself once a second. */
import { useTicking } from '../feed/react';
import { duration } from '../time/format';

interface Props {
  since: number | null | undefined;
  /** From here on, ms, the time stands out; at `breach` it stands out more. */
  warn?: number;
  breach?: number;
  /** Counts down to this moment instead, where there is one. */
  until?: number | null;
}

export function Duration({ since, warn, breach, until }: Props) {
  const element = useTicking((span, now) => {
    if (!since) {
      span.textContent = '';
      span.removeAttribute('data-level');
      return;
    }
    const passed = now - since;
    const text = duration(passed);
    if (span.textContent !== text) span.textContent = text;
    const end = until ? until - since : breach;
    const edge = warn ?? (end === undefined ? undefined : end * 0.8);
    if (end !== undefined && passed >= end) span.dataset.level = 'breach';
    else if (edge !== undefined && passed >= edge) span.dataset.level = 'warn';
    else span.removeAttribute('data-level');
  });
  return <span className="duration" ref={element} />;
}
