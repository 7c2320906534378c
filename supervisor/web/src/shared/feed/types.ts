/** What the gateway sends: rows and frames of the live feed. Times are UTC milliseconds. */

export interface Counters {
  offered: number;
  answered: number;
  abandoned: number;
  flowed_out: number;
  lost: number;
  waiting: number;
  within: number;
  answer_rate: number | null;
  within_rate: number | null;
  within_of_answered: number | null;
  longest_wait_ms: number;
  mean_wait_ms: number | null;
}

export interface Targets {
  answer_rate: number;
  within_rate: number;
  wait_ms: number;
  agents_ready: number;
  rate_from: number;
}

export interface HotlineRow {
  id: string;
  name: string;
  zone: string;
  business_date: string;
  ready: boolean;
  reasons: string[];
  lines_in_use: number;
  lines_max: number;
  journal_behind: boolean;
  waiting: number;
  longest_since: number | null;
  agents_ready: number;
  agents_in: number;
  targets: Targets;
}

export interface QueueRow {
  id: string;
  label: string;
  waiting: number;
  longest_since: number | null;
  ready: number;
  talking: number;
  today: Counters;
}

export type Intent = 'ready' | 'paused' | 'logged_out';
export type Work = 'idle' | 'offered' | 'talking' | 'hold' | 'wrap_up';
export type Device = 'registered' | 'unreachable' | 'busy_elsewhere';

export interface AgentRow {
  id: string;
  label: string;
  intent: Intent;
  reason: string | null;
  intent_since: number;
  by: string | null;
  work: Work;
  work_since: number;
  until: number | null;
  device: Device;
  device_why: string | null;
  contact: string | null;
}

export type Phase = 'ivr' | 'waiting' | 'ringing' | 'talking' | 'hold';

export interface CallRow {
  id: string;
  number: string | null;
  caller: string | null;
  phase: Phase;
  since: number;
  opened_at: number;
  queue: string | null;
  agent: string | null;
}

export interface NumberCounters {
  reached: number;
  refused: number;
  ended_in_ivr: number;
  lost_in_ivr: number;
  queued: number;
  in_ivr: number;
  answered: number;
  hotline_answer_rate: number | null;
}

export interface OfferCounters {
  made: number;
  answered: number;
  missed: number;
  failed: number;
  withdrawn: number;
  handled: number;
  agent_answer_rate: number | null;
}

export interface FigureRow {
  id: string;
  kind: 'total' | 'queue' | 'number' | 'coverage' | 'roster';
  label: string;
  queues: Counters | null;
  numbers: NumberCounters | null;
  offers: OfferCounters | null;
}

export interface RowOf {
  hotline: HotlineRow;
  queues: QueueRow;
  agents: AgentRow;
  calls: CallRow;
  figures: FigureRow;
}

export type Topic = keyof RowOf;
export const TOPICS: readonly Topic[] = ['hotline', 'queues', 'agents', 'calls', 'figures'];

export type Rows = { [T in Topic]?: RowOf[T][] };
export type Gone = { [T in Topic]?: string[] };

export type Frame =
  | { t: 'hello'; epoch: string; seq: number; now: number; build: string; schema: number }
  | { t: 'snap'; seq: number; rows: Rows }
  | { t: 'delta'; from: number; to: number; rows: Rows; gone: Gone }
  | { t: 'beat'; seq: number; now: number }
  | { t: 'pong'; ping: number; now: number }
  | { t: 'reset'; why: string };
