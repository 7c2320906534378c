/** From an agent's three axes to what is shown: the pill, and badges for what the pill hides. */
import type { AgentRow } from './types';

export type Shown =
  | 'ready'
  | 'offered'
  | 'talking'
  | 'hold'
  | 'wrap_up'
  | 'paused'
  | 'logged_out'
  | 'trouble';

export interface AgentState {
  shown: Shown;
  since: number;
  /** Things the pill hides. */
  badges: ('next_paused' | 'next_logged_out' | 'unreachable' | 'busy_elsewhere')[];
}

/** Work unless idle, then intent; a ready agent without a usable phone is in trouble, never ready. */
export function agentState(row: AgentRow): AgentState {
  const usable = row.device === 'registered' && !row.device_why;
  const badges: AgentState['badges'] = [];
  if (row.work !== 'idle') {
    if (row.intent === 'paused') badges.push('next_paused');
    if (row.intent === 'logged_out') badges.push('next_logged_out');
    if (row.device === 'unreachable') badges.push('unreachable');
    return { shown: row.work, since: row.work_since, badges };
  }
  if (row.intent === 'ready' && !usable) {
    if (row.device === 'busy_elsewhere') badges.push('busy_elsewhere');
    return { shown: 'trouble', since: row.intent_since, badges };
  }
  if (row.intent === 'paused' && row.device === 'unreachable') badges.push('unreachable');
  const since = row.intent === 'ready' ? Math.max(row.intent_since, row.work_since) : row.intent_since;
  return { shown: row.intent, since, badges };
}
