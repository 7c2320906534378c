/** The feed for React: one subscription per row, per list of ids, and one shared tick each second. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useSyncExternalStore,
} from 'react';
import { type Freshness, freshness } from './freshness';
import { Feed, type Wire } from './socket';
import type { RowOf, Topic } from './types';

const FeedContext = createContext<Feed | null>(null);

export function browserFeed(): Feed {
  return new Feed({
    open: () => {
      const { protocol, host } = window.location;
      return new WebSocket(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}/v1/live`) as unknown as Wire;
    },
    mono: () => performance.now(),
    random: Math.random,
  });
}

export function FeedProvider({ feed, children }: { feed: Feed; children: ReactNode }) {
  useEffect(() => {
    const wake = () => document.visibilityState === 'visible' && feed.wake();
    document.addEventListener('visibilitychange', wake);
    window.addEventListener('online', wake);
    feed.start();
    return () => {
      document.removeEventListener('visibilitychange', wake);
      window.removeEventListener('online', wake);
      feed.stop();
    };
  }, [feed]);
  return <FeedContext.Provider value={feed}>{children}</FeedContext.Provider>;
}

export function useFeed(): Feed {
  const feed = useContext(FeedContext);
  if (!feed) throw new Error('no feed around this component');
  return feed;
}

export function useRow<T extends Topic>(topic: T, id: string): RowOf[T] | undefined {
  const { store } = useFeed();
  const subscribe = useCallback((tell: () => void) => store.onRow(topic, id, tell), [store, topic, id]);
  return useSyncExternalStore(subscribe, () => store.get(topic, id));
}

export function useIds(topic: Topic): readonly string[] {
  const { store } = useFeed();
  const subscribe = useCallback((tell: () => void) => store.onTopic(topic, tell), [store, topic]);
  return useSyncExternalStore(subscribe, () => store.ids(topic));
}

/** True once the first snapshot was taken. */
export function useLoaded(): boolean {
  const { store } = useFeed();
  return useSyncExternalStore(
    useCallback((tell: () => void) => store.onSeq(tell), [store]),
    () => store.seq !== null || store.ids('hotline').length > 0,
  );
}

type Tick = () => void;
const ticks = new Set<Tick>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls `tick` each second, with every other ticking thing, in one go. */
export function everySecond(tick: Tick): () => void {
  ticks.add(tick);
  timer ??= setInterval(() => {
    for (const one of ticks) one();
  }, 1_000);
  return () => {
    ticks.delete(tick);
    if (ticks.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

export function useFreshness(): Freshness {
  const feed = useFeed();
  const read = () => freshness(feed.silence());
  const subscribe = useCallback(
    (tell: () => void) => {
      const ends = [everySecond(tell), feed.store.onSeq(tell)];
      return () => {
        for (const end of ends) end();
      };
    },
    [feed],
  );
  return useSyncExternalStore(subscribe, read);
}

/** A text node written once a second from the server's clock, without rendering. Stands still while the page is lost. */
export function useTicking(write: (element: HTMLElement, now: number) => void) {
  const feed = useFeed();
  const element = useRef<HTMLSpanElement>(null);
  const latest = useRef(write);
  latest.current = write;
  useEffect(() => {
    const tick = () => {
      if (element.current && freshness(feed.silence()) !== 'lost')
        latest.current(element.current, feed.clock.now());
    };
    tick();
    return everySecond(tick);
  }, [feed]);
  useEffect(() => {
    if (element.current) write(element.current, feed.clock.now());
  });
  return element;
}
