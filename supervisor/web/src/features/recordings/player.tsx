/** One recording: drawn, played with speed and balance, its integrity, and who heard it. */
import { Button } from '@mantine/core';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMe } from '../../shared/account/me';
import { call } from '../../shared/api/client';
import { problemText } from '../../shared/api/problem-text';
import { dateTime, duration } from '../../shared/time/format';
import { type About, place, type RecordingRow, type Shape, stretches } from './api';
import { Wave } from './wave';

const SPEEDS = [0.75, 1, 1.25, 1.5, 2];

/** Left and right of the audio at their own loudness: -1 is the caller alone, 1 the agent alone. */
function useBalance(audio: React.RefObject<HTMLAudioElement | null>, balance: number) {
  const gains = useRef<[GainNode, GainNode] | null>(null);
  const context = useRef<AudioContext | null>(null);
  const wire = useCallback(() => {
    if (!audio.current || context.current) return void context.current?.resume();
    const made = new AudioContext();
    const split = made.createChannelSplitter(2);
    const merge = made.createChannelMerger(2);
    const pair: [GainNode, GainNode] = [made.createGain(), made.createGain()];
    made.createMediaElementSource(audio.current).connect(split);
    pair.forEach((gain, side) => {
      split.connect(gain, side);
      // Each side is heard in both ears: it is a telephone call, not music.
      gain.connect(merge, 0, 0);
      gain.connect(merge, 0, 1);
    });
    merge.connect(made.destination);
    context.current = made;
    gains.current = pair;
  }, [audio]);
  useEffect(() => {
    if (!gains.current) return;
    gains.current[0].gain.value = Math.min(1, 1 - balance);
    gains.current[1].gain.value = Math.min(1, 1 + balance);
  }, [balance]);
  useEffect(() => () => void context.current?.close(), []);
  return wire;
}

export function Player({ row, zone, close }: { row: RecordingRow; zone: string; close(): void }) {
  const { t } = useTranslation();
  const may = useMe().rights.includes('keep_recordings');
  const audio = useRef<HTMLAudioElement>(null);
  const [shape, setShape] = useState<Shape | null>(null);
  const [about, setAbout] = useState<About | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const [balance, setBalance] = useState(0);
  const wire = useBalance(audio, balance);
  const there = row.state !== 'erased';

  const load = useCallback(() => {
    setError(null);
    call<About>('GET', `${place(row)}/about`).then(setAbout, setError);
    if (there) call<Shape>('GET', `${place(row)}/peaks?count=1200`).then(setShape, setError);
  }, [row, there]);
  useEffect(load, [load]);

  const seek = useCallback((ms: number) => {
    if (!audio.current) return;
    audio.current.currentTime = Math.max(0, ms / 1000);
    setAt(Math.max(0, ms));
  }, []);
  const toggle = useCallback(() => {
    wire();
    if (audio.current?.paused) void audio.current.play().catch(setError);
    else audio.current?.pause();
  }, [wire]);
  const pace = useCallback((next: number) => {
    setSpeed(next);
    if (audio.current) audio.current.playbackRate = next;
  }, []);
  useKeys({ toggle, seek, pace, speed, audio });

  const parts = useMemo(
    () => (shape ? stretches(about?.account?.marks ?? [], shape.length_ms) : []),
    [about, shape],
  );
  return (
    <section className="panel recording" aria-label={t('recordings.one')} data-recording={row.segment}>
      <div className="head">
        <h2>
          {dateTime(row.started_at, zone)} · {row.caller ?? '-'}
        </h2>
        <Button variant="subtle" size="compact-sm" onClick={close}>
          {t('recordings.close')}
        </Button>
      </div>
      {error ? (
        <p className="notice" data-tone="alarm" role="alert">
          {problemText(t, error)}
        </p>
      ) : null}
      {there ? (
        // biome-ignore lint/a11y/useMediaCaption: a recorded phone call has no caption
        <audio
          ref={audio}
          preload="none"
          src={place(row)}
          onTimeUpdate={(event) => setAt(event.currentTarget.currentTime * 1000)}
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
        />
      ) : null}
      {shape ? (
        <Wave shape={shape} stretches={parts} gaps={about?.account?.gaps ?? []} at={at} seek={seek} />
      ) : null}
      {there ? (
        <div className="controls">
          <Button size="compact-sm" onClick={toggle} data-play={playing ? 'on' : 'off'}>
            {playing ? t('recordings.pause') : t('recordings.play')}
          </Button>
          <span>
            {duration(at)} / {duration(shape?.length_ms ?? row.length_ms ?? 0)}
          </span>
          <label>
            {t('recordings.speed')}{' '}
            <select value={speed} onChange={(event) => pace(Number(event.currentTarget.value))}>
              {SPEEDS.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          </label>
          <label>
            {t('recordings.balance')}{' '}
            <input
              type="range"
              min={-1}
              max={1}
              step={0.25}
              value={balance}
              onChange={(event) => setBalance(Number(event.currentTarget.value))}
            />
          </label>
          {may ? (
            <>
              <a href={`${place(row)}/download?format=wav`}>{t('recordings.download_wav')}</a>
              <a href={`${place(row)}/download?format=flac`}>{t('recordings.download_flac')}</a>
              <Hold row={row} held={about?.held ?? null} done={load} />
            </>
          ) : null}
          <span className="quiet">{t('recordings.keys')}</span>
        </div>
      ) : null}
      {about ? <Integrity about={about} zone={zone} /> : null}
    </section>
  );
}

function Hold({ row, held, done }: { row: RecordingRow; held: string | null; done(): void }) {
  const { t } = useTranslation();
  const act = () => {
    const reason = window.prompt(held ? t('recordings.why_release') : t('recordings.why_hold'));
    if (!reason) return;
    call('POST', `${place(row)}/${held ? 'release' : 'hold'}`, { reason }).then(done, done);
  };
  return (
    <Button variant="subtle" size="compact-sm" onClick={act}>
      {held ? t('recordings.release') : t('recordings.hold')}
    </Button>
  );
}

function Integrity({ about, zone }: { about: About; zone: string }) {
  const { t } = useTranslation();
  const tone = about.intact === null ? 'warn' : about.intact ? 'good' : 'alarm';
  const word = about.erased
    ? t('recordings.erased', { why: about.erased })
    : about.intact === null
      ? t('recordings.unproven')
      : about.intact
        ? t('recordings.intact')
        : t('recordings.changed');
  return (
    <div className="integrity">
      <span className="badge" data-tone={tone} data-intact={String(about.intact)}>
        {word}
      </span>
      {about.held ? (
        <span className="badge" data-tone="warn">
          {t('recordings.held', { why: about.held })}
        </span>
      ) : null}
      {about.encrypted ? <span className="badge">{t('recordings.encrypted')}</span> : null}
      {about.sha256 ? <code className="quiet">SHA-256 {about.sha256}</code> : null}
      {about.heard.length > 0 ? (
        <details>
          <summary>{t('recordings.heard', { count: about.heard.length })}</summary>
          <ul>
            {about.heard.map((one) => (
              <li key={`${one.at}${one.by}`}>
                {dateTime(one.at, zone)} {one.by} {t(`recordings.how_${one.how}`)}
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </div>
  );
}

interface Hands {
  toggle(): void;
  seek(ms: number): void;
  pace(speed: number): void;
  speed: number;
  audio: React.RefObject<HTMLAudioElement | null>;
}

/** Space plays, J and L jump ten seconds, < and > change the speed; not while something is typed. */
function useKeys({ toggle, seek, pace, speed, audio }: Hands) {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (['INPUT', 'SELECT', 'TEXTAREA', 'BUTTON', 'A', 'SUMMARY'].includes(target.tagName)) return;
      const now = (audio.current?.currentTime ?? 0) * 1000;
      const next = (by: number) =>
        pace(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(speed) + by))] ?? 1);
      const keys: Record<string, () => void> = {
        ' ': toggle,
        j: () => seek(now - 10_000),
        l: () => seek(now + 10_000),
        '<': () => next(-1),
        '>': () => next(1),
      };
      const act = keys[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [toggle, seek, pace, speed, audio]);
}
