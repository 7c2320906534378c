/** The rows of the live feed by topic and id, with one subscription per row, so that a changed row renders itself. */
import { type Gone, type RowOf, type Rows, TOPICS, type Topic } from './types';

/** Removed ids remembered per topic, so that a late answer does not bring a row back. */
const TOMBSTONES_MAX = 2_000;

type Listener = () => void;

interface Entry<T> {
  row: T;
  /** Position of the journal the row stands at. */
  v: number;
}

class Shelf<T extends { id: string }> {
  rows = new Map<string, Entry<T>>();
  tombs = new Map<string, number>();
  /** A new array only when a row came or went. */
  ids: readonly string[] = [];
  listeners = new Set<Listener>();
  rowListeners = new Map<string, Set<Listener>>();

  /** True where the set of ids changed. */
  put(row: T, v: number, touched: Set<string>): boolean {
    const known = this.rows.get(row.id);
    if ((known && known.v > v) || (this.tombs.get(row.id) ?? -1) > v) return false;
    this.rows.set(row.id, { row, v });
    this.tombs.delete(row.id);
    touched.add(row.id);
    return !known;
  }

  remove(id: string, v: number, touched: Set<string>): boolean {
    const known = this.rows.get(id);
    if (known && known.v > v) return false;
    this.tombs.set(id, v);
    if (this.tombs.size > TOMBSTONES_MAX) {
      const oldest = this.tombs.keys().next().value;
      if (oldest !== undefined) this.tombs.delete(oldest);
    }
    if (!known) return false;
    this.rows.delete(id);
    touched.add(id);
    return true;
  }

  tell(touched: Set<string>, idsChanged: boolean) {
    if (idsChanged) this.ids = [...this.rows.keys()].sort();
    for (const id of touched) for (const listener of this.rowListeners.get(id) ?? []) listener();
    if (touched.size > 0 || idsChanged) for (const listener of [...this.listeners]) listener();
  }
}

type Shelves = { [T in Topic]: Shelf<RowOf[T]> };

/** What became of a delta. */
export type Applied = 'applied' | 'old' | 'gap';

export class FeedStore {
  private shelves: Shelves = {
    hotline: new Shelf(),
    queues: new Shelf(),
    agents: new Shelf(),
    calls: new Shelf(),
    figures: new Shelf(),
  };
  /** Which life of the gateway the rows are of; null before the first frame. */
  epoch: string | null = null;
  /** Position the rows stand at; null before the first snapshot. */
  seq: number | null = null;
  private seqListeners = new Set<Listener>();

  /** A new life of the gateway: positions of the old one mean nothing. Old rows stay until the snapshot. */
  begin(epoch: string) {
    if (this.epoch === epoch) return;
    this.epoch = epoch;
    this.seq = null;
    for (const topic of TOPICS) {
      const shelf = this.shelves[topic];
      shelf.tombs.clear();
      for (const entry of shelf.rows.values()) entry.v = -1;
    }
  }

  /** Replaces everything. */
  snapshot(seq: number, rows: Rows) {
    for (const topic of TOPICS) this.replace(topic, (rows[topic] ?? []) as RowOf[typeof topic][], seq);
    this.at(seq);
  }

  private replace<T extends Topic>(topic: T, rows: RowOf[T][], seq: number) {
    const shelf = this.shelves[topic] as Shelf<RowOf[T]>;
    const touched = new Set<string>();
    let changed = false;
    const present = new Set(rows.map((row) => row.id));
    for (const id of [...shelf.rows.keys()]) {
      if (!present.has(id)) {
        shelf.rows.delete(id);
        touched.add(id);
        changed = true;
      }
    }
    shelf.tombs.clear();
    for (const row of rows) {
      changed = !shelf.rows.has(row.id) || changed;
      shelf.rows.set(row.id, { row, v: seq });
      touched.add(row.id);
    }
    shelf.tell(touched, changed || rows.length === 0);
  }

  /** Applies a batch if it follows the rows; `gap` asks for a new subscription. */
  delta(from: number, to: number, rows: Rows, gone: Gone): Applied {
    if (this.seq === null) return 'gap';
    if (to < this.seq) return 'old';
    if (from > this.seq) return 'gap';
    if (from < this.seq && to > this.seq) return 'gap';
    this.merge(to, rows, gone);
    this.at(to);
    return 'applied';
  }

  /** Rows that came another way (REST), in any order with the feed: the newer position wins. */
  merge(v: number, rows: Rows, gone: Gone = {}) {
    for (const topic of TOPICS) this.mergeTopic(topic, v, rows, gone);
  }

  private mergeTopic<T extends Topic>(topic: T, v: number, rows: Rows, gone: Gone) {
    const shelf = this.shelves[topic] as Shelf<RowOf[T]>;
    const touched = new Set<string>();
    let changed = false;
    for (const row of (rows[topic] ?? []) as RowOf[T][]) changed = shelf.put(row, v, touched) || changed;
    for (const id of gone[topic] ?? []) changed = shelf.remove(id, v, touched) || changed;
    if (touched.size > 0) shelf.tell(touched, changed);
  }

  private at(seq: number) {
    if (this.seq === seq) return;
    this.seq = seq;
    for (const listener of [...this.seqListeners]) listener();
  }

  get<T extends Topic>(topic: T, id: string): RowOf[T] | undefined {
    return (this.shelves[topic] as Shelf<RowOf[T]>).rows.get(id)?.row;
  }

  all<T extends Topic>(topic: T): RowOf[T][] {
    return [...(this.shelves[topic] as Shelf<RowOf[T]>).rows.values()].map((entry) => entry.row);
  }

  ids(topic: Topic): readonly string[] {
    return this.shelves[topic].ids;
  }

  /** Called when this row changes, comes or goes. */
  onRow(topic: Topic, id: string, listener: Listener): () => void {
    const map = this.shelves[topic].rowListeners;
    const set = map.get(id) ?? new Set();
    map.set(id, set);
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0 && map.get(id) === set) map.delete(id);
    };
  }

  /** Called when any row of the topic changes. */
  onTopic(topic: Topic, listener: Listener): () => void {
    const { listeners } = this.shelves[topic];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Called when the position moves. */
  onSeq(listener: Listener): () => void {
    this.seqListeners.add(listener);
    return () => this.seqListeners.delete(listener);
  }
}
