/** The calls of this moment, oldest first. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useIds, useRow } from '../../shared/feed/react';
import type { CallRow } from '../../shared/feed/types';
import { Duration } from '../../shared/ui/duration';
import { icons } from '../../shared/ui/icons';
import { type Column, LiveTable } from '../../shared/ui/live-table';

const PHASE_ICON = {
  ivr: 'ivr',
  waiting: 'waiting',
  ringing: 'offered',
  talking: 'talking',
  hold: 'hold',
} as const;

function QueueName({ id }: { id: string }) {
  return <>{useRow('queues', id)?.label ?? id}</>;
}

function AgentName({ id }: { id: string }) {
  return <>{useRow('agents', id)?.label ?? id}</>;
}

export function Calls() {
  const { t } = useTranslation();
  // Contact ids are UUIDs of version 7: their order is the order of arrival.
  const ids = useIds('calls');
  const most = useRow('hotline', 'hotline')?.targets.wait_ms ?? 15_000;
  const columns = useMemo<Column<CallRow>[]>(
    () => [
      {
        key: 'call',
        head: t('live.call'),
        cell: (row) => row.caller ?? <span className="quiet">{t('live.unknown_caller')}</span>,
      },
      { key: 'number', head: t('live.number'), cell: (row) => row.number ?? '-' },
      {
        key: 'phase',
        head: t('live.phase'),
        cell: (row) => (
          <span className="pill" data-state={row.phase === 'ringing' ? 'offered' : row.phase}>
            {icons[PHASE_ICON[row.phase]]}
            {t(`phase.${row.phase}`)}
          </span>
        ),
      },
      {
        key: 'time',
        head: t('live.time'),
        right: true,
        cell: (row) =>
          row.phase === 'waiting' ? (
            <Duration since={row.since} warn={(most * 2) / 3} breach={most} />
          ) : (
            <Duration since={row.since} />
          ),
      },
      {
        key: 'queue',
        head: t('live.queue'),
        cell: (row) => (row.queue ? <QueueName id={row.queue} /> : '-'),
      },
      {
        key: 'agent',
        head: t('live.agent'),
        cell: (row) => (row.agent ? <AgentName id={row.agent} /> : '-'),
      },
      {
        key: 'total',
        head: t('live.total_time'),
        right: true,
        cell: (row) => <Duration since={row.opened_at} />,
      },
    ],
    [t, most],
  );
  return (
    <LiveTable
      topic="calls"
      ids={ids}
      columns={columns}
      caption={t('live.calls')}
      empty={t('live.no_calls')}
    />
  );
}
