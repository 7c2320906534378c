/** Recordings: searched, drawn, heard. */
import { Button } from '@mantine/core';
import { type FormEvent, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../../shared/api/client';
import { problemText } from '../../shared/api/problem-text';
import { useFeed, useIds, useRow } from '../../shared/feed/react';
import { dateTime, duration } from '../../shared/time/format';
import type { RecordingList, RecordingRow } from './api';
import { Player } from './player';

const OUTCOMES = ['completed', 'abandoned', 'flowed_out', 'ended_in_ivr', 'lost'] as const;

function query(form: FormData | null, cursor: string | null): string {
  const said = new URLSearchParams({ limit: '50' });
  for (const [name, value] of form ?? []) {
    if (typeof value === 'string' && value.trim() !== '') said.set(name, value.trim());
  }
  if (cursor) said.set('cursor', cursor);
  return `/v1/recordings?${said}`;
}

export function RecordingsPage() {
  const { t } = useTranslation();
  const zone = useRow('hotline', 'hotline')?.zone ?? '';
  const [form, setForm] = useState<FormData | null>(null);
  const [rows, setRows] = useState<RecordingRow[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [chosen, setChosen] = useState<RecordingRow | null>(null);

  const load = useCallback(
    async (cursor: string | null) => {
      setBusy(true);
      setError(null);
      try {
        const page = await call<RecordingList>('GET', query(form, cursor));
        setRows((known) => (cursor && known ? known.concat(page.items) : page.items));
        setNext(page.next);
      } catch (failure) {
        setError(failure);
      } finally {
        setBusy(false);
      }
    },
    [form],
  );
  useEffect(() => void load(null), [load]);

  const search = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setForm(new FormData(event.currentTarget));
  };
  return (
    <div className="recordings">
      <section className="panel">
        <div className="head">
          <h1>{t('recordings.title')}</h1>
        </div>
        <Search submit={search} busy={busy} />
        {error ? (
          <p className="notice" data-tone="alarm" role="alert">
            {problemText(t, error)}
          </p>
        ) : null}
        {rows === null && !error ? <p className="empty">{t('recordings.loading')}</p> : null}
        {rows?.length === 0 ? <p className="empty">{t('recordings.none')}</p> : null}
        {rows && rows.length > 0 ? (
          <Table rows={rows} zone={zone} chosen={chosen} choose={setChosen} />
        ) : null}
        {next ? (
          <Button
            className="more"
            variant="default"
            size="compact-sm"
            loading={busy}
            onClick={() => load(next)}
          >
            {t('recordings.more')}
          </Button>
        ) : null}
      </section>
      {chosen ? (
        <Player
          key={`${chosen.contact}${chosen.segment}`}
          row={chosen}
          zone={zone}
          close={() => setChosen(null)}
        />
      ) : null}
    </div>
  );
}

function Search({ submit, busy }: { submit(event: FormEvent<HTMLFormElement>): void; busy: boolean }) {
  const { t } = useTranslation();
  return (
    <form className="search" onSubmit={submit}>
      <label>
        {t('recordings.from')} <input type="date" name="from" />
      </label>
      <label>
        {t('recordings.to')} <input type="date" name="to" />
      </label>
      <label>
        {t('recordings.number')} <input name="caller" inputMode="tel" size={14} />
      </label>
      <Choice name="queue" topic="queues" />
      <Choice name="agent" topic="agents" />
      <label>
        {t('recordings.outcome')}{' '}
        <select name="outcome">
          <option value="">{t('recordings.any')}</option>
          {OUTCOMES.map((outcome) => (
            <option key={outcome} value={outcome}>
              {t(`outcome.${outcome}`)}
            </option>
          ))}
        </select>
      </label>
      <Button type="submit" size="compact-sm" loading={busy}>
        {t('recordings.search')}
      </Button>
    </form>
  );
}

function Choice({ name, topic }: { name: 'queue' | 'agent'; topic: 'queues' | 'agents' }) {
  const { t } = useTranslation();
  const { store } = useFeed();
  const ids = useIds(topic);
  return (
    <label>
      {t(`recordings.${name}`)}{' '}
      <select name={name}>
        <option value="">{t('recordings.any')}</option>
        {ids.map((id) => (
          <option key={id} value={id}>
            {store.get(topic, id)?.label ?? id}
          </option>
        ))}
      </select>
    </label>
  );
}

interface TableProps {
  rows: RecordingRow[];
  zone: string;
  chosen: RecordingRow | null;
  choose(row: RecordingRow): void;
}

function Table({ rows, zone, chosen, choose }: TableProps) {
  const { t } = useTranslation();
  const { store } = useFeed();
  const label = (topic: 'queues' | 'agents', id: string | null) =>
    id ? (store.get(topic, id)?.label ?? id) : '-';
  const heads = ['start', 'number', 'queue', 'agent', 'length', 'outcome', 'state'] as const;
  return (
    <div className="table-scroll">
      <table className="live-table">
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col" className={head === 'length' ? 'right' : undefined}>
                {t(`recordings.${head}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={`${row.contact}${row.segment}`}
              data-row={`recordings:${row.segment}`}
              aria-selected={chosen?.segment === row.segment}
            >
              <th scope="row">
                <button type="button" className="linklike" onClick={() => choose(row)}>
                  {dateTime(row.started_at, zone)}
                </button>
              </th>
              <td>{row.caller ?? '-'}</td>
              <td>{label('queues', row.queue)}</td>
              <td>{label('agents', row.agent)}</td>
              <td className="right">{row.length_ms === null ? '-' : duration(row.length_ms)}</td>
              <td>{row.outcome ? t(`outcome.${row.outcome}`) : '-'}</td>
              <td>
                {t(`recordings.state_${row.state}`)}
                {row.held ? ` · ${t('recordings.is_held')}` : ''}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
