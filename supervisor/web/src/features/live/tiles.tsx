/** Six figures with their targets: now first, then today. */

import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { everySecond, useFeed, useRow } from '../../shared/feed/react';
import { duration, rate } from '../../shared/time/format';
import { Duration } from '../../shared/ui/duration';
import { Tile } from '../../shared/ui/tile';
import { rateLevel, readyLevel, waitLevel } from './levels';

/** The wait of a moment, looked at each second, so that the tile's level follows. */
function useWaited(since: number | null): number | null {
  const feed = useFeed();
  const [, look] = useState(0);
  useEffect(() => (since === null ? undefined : everySecond(() => look((count) => count + 1))), [since]);
  return since === null ? null : feed.clock.now() - since;
}

export function Tiles() {
  const { t } = useTranslation();
  const hotline = useRow('hotline', 'hotline');
  const total = useRow('figures', 'total');
  const waited = useWaited(hotline?.longest_since ?? null);
  if (!hotline || !total) return <div className="tiles skeleton" aria-busy="true" />;
  const { targets } = hotline;
  const from = targets.rate_from;
  const queues = total.queues;
  const numbers = total.numbers;
  const percent = (value: number) => t('live.target_min', { value: `${Math.round(value * 100)}%` });
  const few = (n: number) => (n < from ? t('live.few', { n }) : undefined);
  const word = (level: string) => (level === 'breach' ? t('live.breach') : t('live.warn'));
  const tiles = [
    {
      id: 'waiting',
      label: t('live.waiting'),
      figure: hotline.waiting,
      target: t('live.target_none'),
      level: waitLevel(waited, targets.wait_ms),
    },
    {
      id: 'longest',
      label: t('live.longest'),
      figure: hotline.longest_since ? <Duration since={hotline.longest_since} /> : '-',
      target: t('live.target_max', { value: duration(targets.wait_ms) }),
      level: waitLevel(waited, targets.wait_ms),
    },
    {
      id: 'ready',
      label: t('live.agents_ready'),
      figure: hotline.agents_ready,
      target: t('live.target_min', { value: targets.agents_ready }),
      note: t('live.ready_of', { n: hotline.agents_in }),
      level: readyLevel(hotline.agents_ready, targets.agents_ready),
    },
    {
      id: 'answer_rate',
      label: t('live.answer_rate'),
      figure: rate(queues?.answer_rate, queues?.offered ?? 0, from),
      target: percent(targets.answer_rate),
      note: few(queues?.offered ?? 0),
      level: rateLevel(queues?.answer_rate, queues?.offered ?? 0, from, targets.answer_rate),
    },
    {
      id: 'hotline_rate',
      label: t('live.hotline_rate'),
      figure: rate(numbers?.hotline_answer_rate, numbers?.reached ?? 0, from),
      target: t('live.of', { part: numbers?.answered ?? 0, whole: numbers?.reached ?? 0 }),
      level: 'normal' as const,
    },
    {
      id: 'within',
      label: t('live.within'),
      figure: rate(queues?.within_rate, queues?.offered ?? 0, from),
      target: percent(targets.within_rate),
      note: few(queues?.offered ?? 0),
      level: rateLevel(queues?.within_rate, queues?.offered ?? 0, from, targets.within_rate),
    },
  ];
  return (
    <section className="tiles" aria-label={t('live.title')}>
      {tiles.map((tile) => (
        <Tile key={tile.id} {...tile} levelWord={word(tile.level)} />
      ))}
    </section>
  );
}
