/** What the recordings' part of the API answers. */

export interface RecordingRow {
  contact: string;
  segment: string;
  started_at: number;
  length_ms: number | null;
  business_date: string;
  caller: string | null;
  queue: string | null;
  agent: string | null;
  outcome: string | null;
  state: 'sealed' | 'failed' | 'erased' | 'unproven';
  held: string | null;
  encrypted: boolean;
}

export interface RecordingList {
  items: RecordingRow[];
  next: string | null;
}

export interface Mark {
  at_ms: number;
  mark: 'segment' | 'paused' | 'resumed';
  segment?: string;
  reason?: string;
}

export interface Gap {
  side: 'caller' | 'agent';
  from_ms: number;
  to_ms: number;
}

export interface About extends RecordingRow {
  sha256: string | null;
  intact: boolean | null;
  findings: string[];
  account: { marks: Mark[]; gaps: Gap[] } | null;
  erased: string | null;
  heard: { at: number; by: string; how: string }[];
}

export interface Shape {
  length_ms: number;
  caller: number[];
  agent: number[];
}

/** A stretch of a recording with a name. */
export interface Stretch {
  kind: string;
  from: number;
  to: number;
}

/** Where a recording lies in the API. */
export function place(row: { contact: string; segment: string }): string {
  return `/v1/recordings/${row.contact}/${row.segment}`;
}

/** The stretches between marks: segments one after the other, pauses on top of them. */
export function stretches(marks: Mark[], length: number): Stretch[] {
  const found: Stretch[] = [];
  let segment: Stretch | null = null;
  let pause: Stretch | null = null;
  for (const mark of marks) {
    if (mark.mark === 'segment') {
      if (segment) segment.to = mark.at_ms;
      segment = { kind: mark.segment ?? '', from: mark.at_ms, to: length };
      found.push(segment);
    } else if (mark.mark === 'paused') {
      if (!pause) {
        pause = { kind: 'paused', from: mark.at_ms, to: length };
        found.push(pause);
      }
    } else if (pause) {
      pause.to = mark.at_ms;
      pause = null;
    }
  }
  return found.filter((stretch) => stretch.to > stretch.from);
}
