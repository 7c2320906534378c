/** Queues: now and today. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useIds, useRow } from '../../shared/feed/react';
import type { QueueRow } from '../../shared/feed/types';
import { rate } from '../../shared/time/format';
import { Duration } from '../../shared/ui/duration';
import { type Column, LiveTable } from '../../shared/ui/live-table';

export function Queues() {
  const { t } = useTranslation();
  const ids = useIds('queues');
  const targets = useRow('hotline', 'hotline')?.targets;
  const from = targets?.rate_from ?? 10;
  const most = targets?.wait_ms ?? 15_000;
  const columns = useMemo<Column<QueueRow>[]>(
    () => [
      { key: 'queue', head: t('live.queue'), cell: (row) => row.label },
      {
        key: 'waiting',
        head: t('live.waiting'),
        right: true,
        cell: (row) => <b data-cell="waiting">{row.waiting}</b>,
      },
      {
        key: 'longest',
        head: t('live.longest'),
        right: true,
        cell: (row) =>
          row.longest_since ? (
            <Duration since={row.longest_since} warn={(most * 2) / 3} breach={most} />
          ) : (
            '-'
          ),
      },
      { key: 'ready', head: t('live.ready'), right: true, cell: (row) => row.ready },
      { key: 'talking', head: t('live.talking'), right: true, cell: (row) => row.talking },
      { key: 'offered', head: t('live.offered'), right: true, cell: (row) => row.today.offered },
      { key: 'answered', head: t('live.answered'), right: true, cell: (row) => row.today.answered },
      { key: 'abandoned', head: t('live.abandoned'), right: true, cell: (row) => row.today.abandoned },
      { key: 'flowed_out', head: t('live.flowed_out'), right: true, cell: (row) => row.today.flowed_out },
      { key: 'lost', head: t('live.lost'), right: true, cell: (row) => row.today.lost },
      {
        key: 'rate',
        head: t('live.answer_rate'),
        right: true,
        cell: (row) => rate(row.today.answer_rate, row.today.offered, from),
      },
      {
        key: 'within',
        head: t('live.within'),
        right: true,
        cell: (row) => rate(row.today.within_rate, row.today.offered, from),
      },
    ],
    [t, from, most],
  );
  return (
    <LiveTable
      topic="queues"
      ids={ids}
      columns={columns}
      caption={t('live.queues')}
      empty={t('live.no_queues')}
    />
  );
}
