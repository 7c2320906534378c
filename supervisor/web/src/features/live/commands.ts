/** Commands to agents and what became of them: sending, sent, done, refused. Confirmed by the feed, not by hope. */
import { useSyncExternalStore } from 'react';
import { type Accepted, call } from '../../shared/api/client';
import type { Feed } from '../../shared/feed/socket';

/** After this long without the feed's word a command says so, ms. */
const SLOW_AFTER = 3_000;
/** A finished command stays visible this long, ms. */
const SHOWN_FOR = 4_000;
/** A refusal stays longer: it must be read. */
const REFUSED_FOR = 10_000;

export type Verb = 'pause' | 'ready' | 'logout' | 'release';
export interface Progress {
  verb: Verb;
  state: 'sending' | 'sent' | 'slow' | 'done' | 'refused';
  error?: unknown;
}

const byAgent = new Map<string, Progress>();
const listeners = new Set<() => void>();

function set(agent: string, progress: Progress | null) {
  if (progress) byAgent.set(agent, progress);
  else byAgent.delete(agent);
  for (const listener of [...listeners]) listener();
}

export function useProgress(agent: string): Progress | undefined {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => byAgent.get(agent),
  );
}

export async function order(feed: Feed, agent: string, verb: Verb, reason?: string) {
  const progress: Progress = { verb, state: 'sending' };
  set(agent, progress);
  const mine = () => byAgent.get(agent)?.verb === verb && byAgent.get(agent)?.state !== 'refused';
  try {
    const path = `/v1/agents/${encodeURIComponent(agent)}/${verb}`;
    const accepted = await call<Accepted>('POST', path, verb === 'pause' ? { reason } : undefined);
    set(agent, { verb, state: 'sent' });
    const slow = setTimeout(() => mine() && set(agent, { verb, state: 'slow' }), SLOW_AFTER);
    await passed(feed, accepted.seq);
    clearTimeout(slow);
    if (!mine()) return;
    set(agent, { verb, state: 'done' });
    setTimeout(() => byAgent.get(agent)?.state === 'done' && set(agent, null), SHOWN_FOR);
  } catch (error) {
    const refused: Progress = { verb, state: 'refused', error };
    set(agent, refused);
    setTimeout(() => byAgent.get(agent) === refused && set(agent, null), REFUSED_FOR);
  }
}

/** Resolves when the feed has passed this position. */
function passed(feed: Feed, seq: number): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if ((feed.store.seq ?? -1) < seq) return false;
      resolve();
      return true;
    };
    if (look()) return;
    const end = feed.store.onSeq(() => look() && end());
  });
}
