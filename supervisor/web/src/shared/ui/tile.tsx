/** One figure with its target beside it. The level is said by word and shape before colour. */
import type { ReactNode } from 'react';
import { icons } from './icons';

export type Level = 'normal' | 'warn' | 'breach';

interface Props {
  id: string;
  label: string;
  figure: ReactNode;
  target: string;
  level: Level;
  /** What the level is called. */
  levelWord?: string;
  note?: string;
}

export function Tile({ id, label, figure, target, level, levelWord, note }: Props) {
  return (
    <div className="tile" data-level={level} data-tile={id}>
      <div className="tile-label">{label}</div>
      <div className="tile-figure">{figure}</div>
      <div className="tile-target">
        <span>{target}</span>
        {note ? <span className="tile-note">{note}</span> : null}
        {level !== 'normal' ? (
          <span className="tile-level">
            {icons.warn} {levelWord}
          </span>
        ) : null}
      </div>
    </div>
  );
}
