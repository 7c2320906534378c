import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Feed, type Wire } from './socket';

class FakeWire implements Wire {
  onopen: Wire['onopen'] = null;
  onmessage: Wire['onmessage'] = null;
  onclose: Wire['onclose'] = null;
  sent: Record<string, unknown>[] = [];
  closed = false;

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  subscriptions() {
    return this.sent.filter((message) => 'sub' in message);
  }
}

let wires: FakeWire[];
let mono: number;
let feed: Feed;

const hello = (epoch = 'e1') => ({ t: 'hello', epoch, seq: 1, now: 1_000, build: 'b', schema: 1 });
const last = () => wires[wires.length - 1] as FakeWire;

beforeEach(() => {
  vi.useFakeTimers();
  wires = [];
  mono = 0;
  feed = new Feed({
    open: () => {
      const wire = new FakeWire();
      wires.push(wire);
      return wire;
    },
    mono: () => mono,
    random: () => 0,
  });
  feed.start();
});

afterEach(() => {
  feed.stop();
  vi.useRealTimers();
});

describe('feed', () => {
  it('subscribes from the beginning, then resumes where it stopped after a cut', () => {
    last().say(hello());
    expect(last().subscriptions()).toEqual([{ sub: [] }]);
    last().say({ t: 'snap', seq: 5, rows: { queues: [{ id: 'sales', waiting: 1 }] } });
    last().onclose?.({ code: 1006 });
    vi.advanceTimersByTime(499);
    expect(wires).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(wires).toHaveLength(2);
    last().say(hello());
    expect(last().subscriptions()).toEqual([{ sub: [], after: 5, epoch: 'e1' }]);
    expect(feed.store.get('queues', 'sales')?.waiting).toBe(1);
  });

  it('asks once for what it missed when a batch leaves a gap, and takes the snapshot after a reset', () => {
    last().say(hello());
    last().say({ t: 'snap', seq: 5, rows: {} });
    last().say({ t: 'delta', from: 7, to: 8, rows: {}, gone: {} });
    last().say({ t: 'delta', from: 8, to: 9, rows: {}, gone: {} });
    expect(last().subscriptions()).toEqual([{ sub: [] }, { sub: [], after: 5, epoch: 'e1' }]);
    last().say({ t: 'reset', why: 'gap' });
    last().say({ t: 'snap', seq: 9, rows: { queues: [{ id: 'sales', waiting: 3 }] } });
    last().say({ t: 'delta', from: 9, to: 10, rows: { queues: [{ id: 'sales', waiting: 4 }] }, gone: {} });
    expect(feed.store.get('queues', 'sales')?.waiting).toBe(4);
  });

  it('begins anew when the gateway restarted', () => {
    last().say(hello());
    last().say({ t: 'snap', seq: 5_000, rows: {} });
    last().onclose?.({ code: 1001 });
    vi.advanceTimersByTime(500);
    last().say(hello('e2'));
    expect(last().subscriptions()).toEqual([{ sub: [] }]);
    last().say({ t: 'snap', seq: 3, rows: {} });
    expect(feed.store.seq).toBe(3);
  });

  it('waits longer after each failed try and at most ten seconds', () => {
    const waits: number[] = [];
    for (let count = 0; count < 7; count++) {
      last().onclose?.({ code: 1006 });
      let waited = 0;
      const before = wires.length;
      while (wires.length === before) {
        vi.advanceTimersByTime(100);
        waited += 100;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([500, 1_000, 2_000, 5_000, 10_000, 10_000, 10_000]);
  });

  it('gives a silent connection up and tries again', () => {
    last().say(hello());
    mono += 16_000;
    vi.advanceTimersByTime(10_000);
    expect(wires[0]?.closed).toBe(true);
    vi.advanceTimersByTime(500);
    expect(wires).toHaveLength(2);
  });

  it('stays closed once the login is over', () => {
    last().say(hello());
    last().onclose?.({ code: 4401 });
    vi.advanceTimersByTime(60_000);
    expect(wires).toHaveLength(1);
    expect(feed.loginOver).toBe(true);
  });

  it('measures the clock by its pings', () => {
    last().say(hello());
    last().onopen?.();
    const ping = last().sent.find((message) => 'ping' in message)?.ping;
    mono += 30;
    last().say({ t: 'pong', ping, now: 9_000_000 });
    expect(feed.clock.now()).toBe(9_000_015);
  });
});
