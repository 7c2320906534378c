/** Today per shift band, in the two views that are never mixed: coverage and roster. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useIds, useRow } from '../../shared/feed/react';
import type { FigureRow } from '../../shared/feed/types';
import { rate } from '../../shared/time/format';
import { type Column, LiveTable } from '../../shared/ui/live-table';

export function Bands() {
  const { t } = useTranslation();
  const hotline = useRow('hotline', 'hotline');
  const ids = useIds('figures');
  const coverage = useMemo(() => ids.filter((id) => id.startsWith('coverage:')).concat('total'), [ids]);
  const roster = useMemo(() => ids.filter((id) => id.startsWith('roster:')), [ids]);
  const from = hotline?.targets.rate_from ?? 10;
  const ofCoverage = useMemo<Column<FigureRow>[]>(
    () => [
      {
        key: 'band',
        head: t('live.band'),
        cell: (row) => (row.kind === 'total' ? t('live.total') : row.label),
      },
      { key: 'reached', head: t('live.reached'), right: true, cell: (row) => row.numbers?.reached ?? '-' },
      { key: 'refused', head: t('live.refused'), right: true, cell: (row) => row.numbers?.refused ?? '-' },
      {
        key: 'ivr',
        head: t('live.ended_in_ivr'),
        right: true,
        cell: (row) => row.numbers?.ended_in_ivr ?? '-',
      },
      { key: 'offered', head: t('live.offered'), right: true, cell: (row) => row.queues?.offered ?? '-' },
      { key: 'answered', head: t('live.answered'), right: true, cell: (row) => row.queues?.answered ?? '-' },
      {
        key: 'abandoned',
        head: t('live.abandoned'),
        right: true,
        cell: (row) => row.queues?.abandoned ?? '-',
      },
      {
        key: 'rate',
        head: t('live.answer_rate'),
        right: true,
        cell: (row) => rate(row.queues?.answer_rate, row.queues?.offered ?? 0, from),
      },
      {
        key: 'hotline',
        head: t('live.hotline_rate'),
        right: true,
        cell: (row) => rate(row.numbers?.hotline_answer_rate, row.numbers?.reached ?? 0, from),
      },
      {
        key: 'within',
        head: t('live.within'),
        right: true,
        cell: (row) => rate(row.queues?.within_rate, row.queues?.offered ?? 0, from),
      },
    ],
    [t, from],
  );
  const ofRoster = useMemo<Column<FigureRow>[]>(
    () => [
      { key: 'band', head: t('live.band'), cell: (row) => row.label },
      { key: 'offers', head: t('live.offers'), right: true, cell: (row) => row.offers?.made ?? '-' },
      { key: 'answered', head: t('live.answered'), right: true, cell: (row) => row.offers?.answered ?? '-' },
      { key: 'missed', head: t('live.missed'), right: true, cell: (row) => row.offers?.missed ?? '-' },
      { key: 'failed', head: t('live.failed'), right: true, cell: (row) => row.offers?.failed ?? '-' },
      { key: 'handled', head: t('live.handled'), right: true, cell: (row) => row.offers?.handled ?? '-' },
      {
        key: 'rate',
        head: t('live.agent_rate'),
        right: true,
        cell: (row) => rate(row.offers?.agent_answer_rate, row.offers?.made ?? 0, from),
      },
    ],
    [t, from],
  );
  return (
    <section className="panel">
      <h2>{t('live.bands', { date: hotline?.business_date ?? '' })}</h2>
      <h3 title={t('live.coverage_hint')}>{t('live.coverage')}</h3>
      <p className="quiet">{t('live.coverage_hint')}</p>
      <LiveTable
        topic="figures"
        ids={coverage}
        columns={ofCoverage}
        caption={t('live.coverage')}
        empty={t('live.no_bands')}
      />
      <h3>{t('live.roster')}</h3>
      <p className="quiet">{t('live.roster_hint')}</p>
      <LiveTable
        topic="figures"
        ids={roster}
        columns={ofRoster}
        caption={t('live.roster')}
        empty={t('live.no_bands')}
      />
    </section>
  );
}
