/** Both sides of a recording as drawn peaks, with segments, pauses and gaps; a click seeks. */
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { duration } from '../../shared/time/format';
import type { Gap, Shape, Stretch } from './api';

const WIDTH = 1200;
const LANE = 56;
const BAND = 16;

interface Props {
  shape: Shape;
  stretches: Stretch[];
  gaps: Gap[];
  /** Place of the player, ms. */
  at: number;
  seek(ms: number): void;
}

export function Wave({ shape, stretches, gaps, at, seek }: Props) {
  const { t } = useTranslation();
  const canvas = useRef<HTMLCanvasElement>(null);
  const x = (ms: number) => (shape.length_ms > 0 ? (ms / shape.length_ms) * WIDTH : 0);
  useEffect(() => {
    const paper = canvas.current;
    const pen = paper?.getContext('2d');
    if (!paper || !pen) return;
    const style = getComputedStyle(paper);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    pen.clearRect(0, 0, WIDTH, 2 * LANE);
    const lanes = [
      { peaks: shape.caller, middle: LANE / 2, ink: colour('--accent') },
      { peaks: shape.agent, middle: LANE * 1.5, ink: colour('--good') },
    ];
    for (const { peaks, middle, ink } of lanes) {
      pen.fillStyle = ink;
      const step = WIDTH / Math.max(1, peaks.length);
      peaks.forEach((peak, index) => {
        const height = Math.max(1, (peak / 255) * (LANE - 6));
        pen.fillRect(index * step, middle - height / 2, Math.max(1, step - 0.3), height);
      });
    }
  }, [shape]);
  const band = (stretch: Stretch) => t(`recordings.kind_${stretch.kind}`);
  return (
    <div className="wave">
      <div className="wave-names" aria-hidden="true">
        <span>{t('recordings.caller')}</span>
        <span>{t('recordings.agent')}</span>
      </div>
      <div
        className="wave-area"
        role="slider"
        tabIndex={0}
        aria-label={t('recordings.place')}
        aria-valuemin={0}
        aria-valuemax={Math.round(shape.length_ms / 1000)}
        aria-valuenow={Math.round(at / 1000)}
        aria-valuetext={duration(at)}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          seek(((event.clientX - box.left) / box.width) * shape.length_ms);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowRight') seek(at + 5_000);
          if (event.key === 'ArrowLeft') seek(at - 5_000);
        }}
      >
        <canvas ref={canvas} width={WIDTH} height={2 * LANE} />
        <svg viewBox={`0 0 ${WIDTH} ${2 * LANE + BAND}`} preserveAspectRatio="none" aria-hidden="true">
          <defs>
            <pattern
              id="hatch"
              width="6"
              height="6"
              patternUnits="userSpaceOnUse"
              patternTransform="rotate(45)"
            >
              <rect width="2" height="6" className="hatch" />
            </pattern>
          </defs>
          {gaps.map((gap) => (
            <rect
              key={`${gap.side}${gap.from_ms}`}
              className="gap"
              x={x(gap.from_ms)}
              y={gap.side === 'caller' ? 0 : LANE}
              width={x(gap.to_ms - gap.from_ms)}
              height={LANE}
            />
          ))}
          {stretches.map((stretch) =>
            stretch.kind === 'paused' || stretch.kind === 'hold' ? (
              <rect
                key={`${stretch.kind}${stretch.from}`}
                fill="url(#hatch)"
                x={x(stretch.from)}
                y={0}
                width={x(stretch.to - stretch.from)}
                height={2 * LANE}
              />
            ) : null,
          )}
          <line className="cursor" x1={x(at)} x2={x(at)} y1={0} y2={2 * LANE + BAND} />
        </svg>
        <div className="wave-bands">
          {stretches.map((stretch) => (
            <span
              key={`${stretch.kind}${stretch.from}`}
              data-kind={stretch.kind}
              style={{
                left: `${x(stretch.from) / (WIDTH / 100)}%`,
                width: `${x(stretch.to - stretch.from) / (WIDTH / 100)}%`,
              }}
              title={`${band(stretch)} ${duration(stretch.from)}-${duration(stretch.to)}`}
            >
              {band(stretch)}
            </span>
          ))}
        </div>
      </div>
    </div>
  );
}
