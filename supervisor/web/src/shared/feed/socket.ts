/** The connection of the live feed: subscribes, resumes, starts anew after a gap, and comes back by itself. */
import { ServerClock } from './clock';
import { FeedStore } from './store';
import type { Frame } from './types';

/** Waits between tries, ms; the last repeats. A third of jitter is added. */
const BACKOFF = [500, 1_000, 2_000, 5_000, 10_000];
const PING_EVERY = 10_000;
/** Silence after which a connection that calls itself open is given up, ms. */
const DEAD_AFTER = 15_000;
/** Close code of the gateway: the login is over. */
const LOGIN_OVER = 4401;

export interface Wire {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

export interface Surroundings {
  open(): Wire;
  mono(): number;
  random(): number;
}

export class Feed {
  readonly store = new FeedStore();
  readonly clock: ServerClock;
  /** Version of the program that serves, once known. */
  build: string | null = null;
  /** True once the gateway said that the login is over. */
  loginOver = false;
  /** Negative durations and unreadable frames seen: faults, for the log. */
  faults = 0;
  private wire: Wire | null = null;
  private tries = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private beat: ReturnType<typeof setInterval> | undefined;
  private lastFrame: number | null = null;
  private pings = new Map<number, number>();
  private nextPing = 1;
  private stopped = true;
  /** A new subscription is on its way: batches until its answer may leave gaps. */
  private resubscribing = false;
  private listeners = new Set<() => void>();

  constructor(private around: Surroundings) {
    this.clock = new ServerClock(around.mono);
  }

  start() {
    if (!this.stopped) return;
    this.stopped = false;
    this.loginOver = false;
    this.beat = setInterval(() => this.tick(), PING_EVERY);
    this.connect();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.retry);
    clearInterval(this.beat);
    this.drop();
  }

  /** Tries at once: the network or the page came back. Skew is taken anew. */
  wake() {
    if (this.stopped) return;
    this.clock.forget();
    if (this.wire && this.silence() !== null && (this.silence() ?? 0) < DEAD_AFTER) {
      this.ping();
      return;
    }
    this.tries = 0;
    clearTimeout(this.retry);
    this.drop();
    this.connect();
  }

  /** Milliseconds since the last frame; null before the first. */
  silence(): number | null {
    return this.lastFrame === null ? null : this.around.mono() - this.lastFrame;
  }

  /** Called when something beside rows changes: build, login. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell() {
    for (const listener of [...this.listeners]) listener();
  }

  private drop() {
    const wire = this.wire;
    this.wire = null;
    this.pings.clear();
    if (wire) {
      wire.onopen = wire.onmessage = wire.onclose = null;
      wire.close();
    }
  }

  private connect() {
    const wire = this.around.open();
    this.wire = wire;
    wire.onopen = () => this.ping();
    wire.onmessage = (event) => this.take(event.data);
    wire.onclose = (event) => {
      if (this.wire !== wire) return;
      this.wire = null;
      if (event.code === LOGIN_OVER) {
        this.loginOver = true;
        this.stop();
        this.tell();
        return;
      }
      this.again();
    };
  }

  private again() {
    if (this.stopped) return;
    const base = BACKOFF[Math.min(this.tries, BACKOFF.length - 1)] ?? 10_000;
    this.tries += 1;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), base * (1 + this.around.random() / 3));
  }

  private tick() {
    const silence = this.silence();
    if (this.wire && silence !== null && silence > DEAD_AFTER) {
      this.drop();
      this.again();
      return;
    }
    this.ping();
  }

  private ping() {
    if (!this.wire) return;
    const ping = this.nextPing++;
    this.pings.set(ping, this.around.mono());
    if (this.pings.size > 8) {
      const oldest = this.pings.keys().next().value;
      if (oldest !== undefined) this.pings.delete(oldest);
    }
    try {
      this.wire.send(JSON.stringify({ ping }));
    } catch {
      // Not open yet or no longer: the close that follows is handled there.
    }
  }

  private subscribe(resume: boolean) {
    const { epoch, seq } = this.store;
    const after = resume && seq !== null ? { after: seq, epoch } : {};
    this.resubscribing = resume;
    this.wire?.send(JSON.stringify({ sub: [], ...after }));
  }

  private take(data: unknown) {
    let frame: Frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      this.faults += 1;
      return;
    }
    this.lastFrame = this.around.mono();
    switch (frame.t) {
      case 'hello': {
        this.tries = 0;
        const known = this.store.epoch === frame.epoch;
        this.store.begin(frame.epoch);
        this.clock.sample(frame.now, 1_000);
        if (this.build !== frame.build) {
          this.build = frame.build;
          this.tell();
        }
        this.subscribe(known);
        break;
      }
      case 'snap':
        this.resubscribing = false;
        this.store.snapshot(frame.seq, frame.rows);
        break;
      case 'delta': {
        const applied = this.store.delta(frame.from, frame.to, frame.rows, frame.gone);
        if (applied === 'applied') this.resubscribing = false;
        if (applied === 'gap' && !this.resubscribing) this.subscribe(true);
        break;
      }
      case 'beat':
        break;
      case 'pong': {
        const sent = this.pings.get(frame.ping);
        this.pings.delete(frame.ping);
        if (sent !== undefined) this.clock.sample(frame.now, this.around.mono() - sent);
        break;
      }
      case 'reset':
        // Rows stay as they are; the snapshot that follows replaces them.
        break;
    }
  }
}
