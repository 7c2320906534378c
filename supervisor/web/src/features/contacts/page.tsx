/** What happened lately: contacts, newest first, with their recordings. */
import { ActionIcon, Button } from '@mantine/core';
import { useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMe } from '../../shared/account/me';
import { type ContactList, type ContactRow, call } from '../../shared/api/client';
import { problemText } from '../../shared/api/problem-text';
import { useFeed, useRow } from '../../shared/feed/react';
import { dateTime, duration } from '../../shared/time/format';
import { icons } from '../../shared/ui/icons';

interface Playing {
  contact: string;
  segment: string;
  opened: number;
}

export function ContactsPage() {
  const { t } = useTranslation();
  const zone = useRow('hotline', 'hotline')?.zone ?? '';
  const [rows, setRows] = useState<ContactRow[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [playing, setPlaying] = useState<Playing | null>(null);

  const load = useCallback(async (cursor: string | null) => {
    setBusy(true);
    setError(null);
    try {
      const query = cursor ? `?limit=50&cursor=${encodeURIComponent(cursor)}` : '?limit=50';
      const page = await call<ContactList>('GET', `/v1/contacts${query}`);
      setRows((known) => (cursor && known ? known.concat(page.contacts) : page.contacts));
      setNext(page.next);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }, []);
  useEffect(() => void load(null), [load]);

  return (
    <section className="panel">
      <div className="head">
        <h1>{t('contacts.title')}</h1>
        <Button variant="subtle" size="compact-sm" loading={busy} onClick={() => load(null)}>
          {t('contacts.reload')}
        </Button>
      </div>
      {error ? (
        <p className="notice" data-tone="alarm" role="alert">
          {problemText(t, error)}{' '}
          <Button size="compact-sm" variant="subtle" onClick={() => load(null)}>
            {t('problem.retry')}
          </Button>
        </p>
      ) : null}
      {playing ? <Player playing={playing} zone={zone} close={() => setPlaying(null)} /> : null}
      {rows === null && !error ? <p className="empty">{t('contacts.loading')}</p> : null}
      {rows?.length === 0 ? <p className="empty">{t('contacts.none')}</p> : null}
      {rows && rows.length > 0 ? <Table rows={rows} zone={zone} play={setPlaying} /> : null}
      {next ? (
        <Button
          className="more"
          variant="default"
          size="compact-sm"
          loading={busy}
          onClick={() => load(next)}
        >
          {t('contacts.more')}
        </Button>
      ) : null}
    </section>
  );
}

function Player({ playing, zone, close }: { playing: Playing; zone: string; close(): void }) {
  const { t } = useTranslation();
  return (
    <div className="player">
      <span>
        {t('contacts.played')} {dateTime(playing.opened, zone)}
      </span>
      {/* biome-ignore lint/a11y/useMediaCaption: a recorded phone call has no caption */}
      <audio
        controls
        autoPlay
        preload="metadata"
        src={`/v1/recordings/${playing.contact}/${playing.segment}`}
      />
      <Button variant="subtle" size="compact-sm" onClick={close}>
        {t('contacts.close')}
      </Button>
    </div>
  );
}

function Table({ rows, zone, play }: { rows: ContactRow[]; zone: string; play(playing: Playing): void }) {
  const { t } = useTranslation();
  const { store } = useFeed();
  const may = useMe().rights.includes('recordings');
  const heads = ['opened', 'caller', 'number', 'path', 'wait', 'talk', 'outcome', 'recording'] as const;
  const label = (topic: 'queues' | 'agents', id: string | null) =>
    id ? (store.get(topic, id)?.label ?? id) : '-';
  const time = (ms: number | null) => (ms === null ? '-' : duration(ms));
  return (
    <div className="table-scroll">
      <table className="live-table">
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col" className={head === 'wait' || head === 'talk' ? 'right' : undefined}>
                {t(`contacts.${head}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">{dateTime(row.opened_at, zone)}</th>
              <td>{row.caller ?? '-'}</td>
              <td>
                {row.number ? (store.get('figures', `number:${row.number}`)?.label ?? row.number) : '-'}
              </td>
              <td>
                {label('queues', row.queue)} / {label('agents', row.agent)}
              </td>
              <td className="right">{time(row.wait_ms)}</td>
              <td className="right">{time(row.talk_ms)}</td>
              <td>{row.outcome ? t(`outcome.${row.outcome}`) : t('contacts.open')}</td>
              <td>
                {may
                  ? row.recordings.map((segment) => (
                      <ActionIcon
                        key={segment}
                        variant="subtle"
                        size={24}
                        aria-label={t('contacts.play', { time: dateTime(row.opened_at, zone) })}
                        onClick={() => play({ contact: row.id, segment, opened: row.opened_at })}
                      >
                        {icons.play}
                      </ActionIcon>
                    ))
                  : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
