/** The frame of every page: navigation, freshness, the gateway's own state, language, theme, log-out. */
import { Button, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { type ReactNode, useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { NavLink, useNavigate } from 'react-router';
import { useMe } from '../shared/account/me';
import { call } from '../shared/api/client';
import { useFeed, useFreshness, useRow } from '../shared/feed/react';
import { toggleLanguage } from '../shared/i18n/language';
import { clockTime } from '../shared/time/format';
import { icons } from '../shared/ui/icons';

/** Skew from which the header mentions it, ms. */
const SKEW_SHOWN = 5_000;

export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const me = useMe();
  const hotline = useRow('hotline', 'hotline');
  useEffect(() => {
    document.title = hotline?.name ? `${hotline.name} · ${t('app.title')}` : t('app.title');
  }, [hotline?.name, t]);
  return (
    <>
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <header className="bar">
        <strong className="brand">{hotline?.name || 'Hotline'}</strong>
        <nav>
          <NavLink to="/live">{t('app.live')}</NavLink>
          {me.rights.includes('contacts') ? <NavLink to="/contacts">{t('app.contacts')}</NavLink> : null}
          {me.rights.includes('recordings') ? (
            <NavLink to="/recordings">{t('recordings.title')}</NavLink>
          ) : null}
        </nav>
        <span className="grow" />
        {hotline?.business_date ? (
          <span className="quiet">
            {t('app.business_date', { date: hotline.business_date })} · {hotline.zone}
          </span>
        ) : null}
        <GatewayBadge />
        <FreshnessBadge />
        <NewVersion />
        <Button variant="subtle" size="compact-sm" onClick={toggleLanguage}>
          {t('app.language')}
        </Button>
        <SchemeButton />
        <Account />
      </header>
      <LostBanner />
      <main id="content">{children}</main>
    </>
  );
}

function SchemeButton() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}
    >
      {scheme === 'dark' ? t('app.to_light') : t('app.to_dark')}
    </Button>
  );
}

function Account() {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const leave = () => call('POST', '/v1/logout').finally(() => navigate('/login'));
  return (
    <span className="account">
      <span>{me.name}</span>
      <Button variant="subtle" size="compact-sm" onClick={leave}>
        {t('app.log_out')}
      </Button>
    </span>
  );
}

function GatewayBadge() {
  const { t } = useTranslation();
  const hotline = useRow('hotline', 'hotline');
  if (!hotline) return null;
  const trouble = !hotline.ready || hotline.journal_behind;
  return (
    <span className="badge" data-tone={trouble ? 'alarm' : 'good'} title={hotline.reasons.join(', ')}>
      {trouble ? icons.warn : null}
      {hotline.ready
        ? hotline.journal_behind
          ? t('gateway.journal_behind')
          : t('gateway.ready')
        : t('gateway.not_ready')}
      {' · '}
      {t('gateway.lines', { used: hotline.lines_in_use, max: hotline.lines_max })}
    </span>
  );
}

/** The moment of the last frame, by the server's clock. */
function useLastFrame(): string {
  const feed = useFeed();
  const hotline = useRow('hotline', 'hotline');
  const silence = feed.silence();
  return silence === null ? '' : clockTime(feed.clock.now() - silence, hotline?.zone ?? '');
}

function FreshnessBadge() {
  const { t } = useTranslation();
  const feed = useFeed();
  const fresh = useFreshness();
  const time = useLastFrame();
  const skew = feed.clock.skew();
  const tone = { loading: 'plain', live: 'good', late: 'warn', lost: 'alarm' }[fresh];
  const note = fresh === 'live' && Math.abs(skew) > SKEW_SHOWN ? Math.round(skew / 1_000) : null;
  return (
    <span
      className="badge"
      data-tone={tone}
      data-freshness={fresh}
      title={note === null ? undefined : t('fresh.skew', { seconds: note })}
    >
      {fresh === 'lost' || fresh === 'late' ? icons.warn : null}
      {t(`fresh.${fresh}`, { time })}
      {note === null ? null : <span className="tile-note">{` ±${Math.abs(note)}s`}</span>}
    </span>
  );
}

function LostBanner() {
  const { t } = useTranslation();
  const fresh = useFreshness();
  const time = useLastFrame();
  const feed = useFeed();
  const over = useSyncExternalStore(
    useCallback((tell: () => void) => feed.onChange(tell), [feed]),
    () => feed.loginOver,
  );
  if (over) {
    return (
      <div className="banner" role="alert">
        {icons.warn} {t('app.login_over')} <a href="/login">{t('app.log_in_again')}</a>
      </div>
    );
  }
  if (fresh !== 'lost') return null;
  return (
    <div className="banner" role="alert">
      {icons.warn} {t('fresh.banner_lost', { time })}
    </div>
  );
}

function NewVersion() {
  const { t } = useTranslation();
  const feed = useFeed();
  const me = useMe();
  const [build, setBuild] = useState<string | null>(null);
  useEffect(() => feed.onChange(() => setBuild(feed.build)), [feed]);
  if (!build || build === me.build) return null;
  return (
    <button type="button" className="badge chip" data-tone="plain" onClick={() => window.location.reload()}>
      {t('app.new_version')}
    </button>
  );
}
