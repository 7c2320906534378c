/** The server's clock as the browser knows it: signed skew from the ping with the least round trip. */

/** Pings looked back on. */
const SAMPLES = 8;

interface Sample {
  rtt: number;
  /** Server time minus monotonic browser time. */
  offset: number;
}

export class ServerClock {
  private samples: Sample[] = [];
  private offset: number;

  /** `mono` is a monotonic millisecond clock, `wall` the browser's own idea of the time. */
  constructor(
    private mono: () => number = () => performance.now(),
    private wall: () => number = () => Date.now(),
  ) {
    this.offset = wall() - mono();
  }

  /** A server time that took `rtt` ms to ask for and came just now. */
  sample(serverNow: number, rtt: number) {
    this.samples.push({ rtt, offset: serverNow + rtt / 2 - this.mono() });
    if (this.samples.length > SAMPLES) this.samples.shift();
    this.offset = this.samples.reduce((best, sample) => (sample.rtt < best.rtt ? sample : best)).offset;
  }

  /** After sleep the monotonic clock may have stood still: forget what was measured. */
  forget() {
    this.samples = [];
  }

  /** UTC milliseconds by the server's clock. */
  now(): number {
    return this.mono() + this.offset;
  }

  /** How much the server's clock is ahead of the browser's, signed. */
  skew(): number {
    return this.now() - this.wall();
  }
}
