/** Icons as SVG, 14 px, drawn in the current colour. Decorative: the word beside them carries the meaning. */
import type { ReactNode } from 'react';

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="icon"
      width="14"
      height="14"
      viewBox="0 0 14 14"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

export const icons = {
  ready: (
    <Icon>
      <circle cx="7" cy="7" r="5" />
    </Icon>
  ),
  offered: (
    <Icon>
      <path d="M3 10h8l-1.2-1.6V6a2.8 2.8 0 0 0-5.6 0v2.4zM6 12h2" />
    </Icon>
  ),
  talking: (
    <Icon>
      <circle cx="7" cy="7" r="5" fill="currentColor" />
    </Icon>
  ),
  hold: (
    <Icon>
      <path d="M5 3v8M9 3v8" strokeWidth="2.4" />
    </Icon>
  ),
  wrap_up: (
    <Icon>
      <path d="M3 11l.6-2.6L9.5 2.5l2 2-5.9 5.9z" />
    </Icon>
  ),
  paused: (
    <Icon>
      <circle cx="7" cy="7" r="5" />
      <path d="M7 2a5 5 0 0 1 0 10z" fill="currentColor" />
    </Icon>
  ),
  logged_out: (
    <Icon>
      <path d="M3 7h8" strokeWidth="2" />
    </Icon>
  ),
  trouble: (
    <Icon>
      <path d="M5 2v3M9 2v3M3.5 5h7v2a3.5 3.5 0 0 1-7 0zM7 10.5V13M2 2l10 10" />
    </Icon>
  ),
  ivr: (
    <Icon>
      <path d="M3 3h2v2H3zM9 3h2v2H9zM3 9h2v2H3zM9 9h2v2H9z" />
    </Icon>
  ),
  waiting: (
    <Icon>
      <circle cx="7" cy="7" r="5" />
      <path d="M7 4v3l2 1.5" />
    </Icon>
  ),
  warn: (
    <Icon>
      <path d="M7 2l5.5 10h-11zM7 6v3M7 10.4v.8" />
    </Icon>
  ),
  more: (
    <Icon>
      <path d="M3 7h.01M7 7h.01M11 7h.01" strokeWidth="2.4" strokeLinecap="round" />
    </Icon>
  ),
  play: (
    <Icon>
      <path d="M4 2.5v9l7-4.5z" fill="currentColor" />
    </Icon>
  ),
} as const;

export type IconName = keyof typeof icons;
