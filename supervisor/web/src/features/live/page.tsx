/** Is anyone waiting too long, and who can help? */
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useMe } from '../../shared/account/me';
import { useFeed, useFreshness, useLoaded } from '../../shared/feed/react';
import { Agents } from './agents';
import { Bands } from './bands';
import { Calls } from './calls';
import { Queues } from './queues';
import { Tiles } from './tiles';

/** A summary is spoken at most this often, ms. */
const SPOKEN_EVERY = 10_000;

export function LivePage() {
  const { t } = useTranslation();
  const me = useMe();
  const fresh = useFreshness();
  const loaded = useLoaded();
  if (!loaded) return <div className="tiles skeleton" aria-busy="true" />;
  if (!me.rights.includes('live')) {
    return (
      <div className="live" data-fresh={fresh}>
        <section className="panel">
          <h2>{t('live.agents')}</h2>
          <p className="quiet">{t('live.own_only')}</p>
          <Agents />
        </section>
      </div>
    );
  }
  return (
    <div className="live" data-fresh={fresh}>
      <h1 className="sr-only">{t('live.title')}</h1>
      <Spoken />
      <Tiles />
      <div className="columns">
        <div className="column">
          <section className="panel">
            <h2>{t('live.queues')}</h2>
            <Queues />
          </section>
          <section className="panel">
            <h2>{t('live.calls')}</h2>
            <Calls />
          </section>
        </div>
        <section className="panel">
          <h2>{t('live.agents')}</h2>
          <Agents />
        </section>
      </div>
      <Bands />
    </div>
  );
}

/** One polite region for those who hear the page: a summary, and only when it changed. */
function Spoken() {
  const { t } = useTranslation();
  const feed = useFeed();
  const region = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const row = feed.store.get('hotline', 'hotline');
      if (!row || !region.current) return;
      const text = t('live.says', { waiting: row.waiting, ready: row.agents_ready });
      if (region.current.textContent !== text) region.current.textContent = text;
    }, SPOKEN_EVERY);
    return () => clearInterval(timer);
  }, [feed, t]);
  return <p className="sr-only" aria-live="polite" ref={region} />;
}
