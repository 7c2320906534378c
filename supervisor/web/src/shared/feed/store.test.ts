import { describe, expect, it, vi } from 'vitest';
import { FeedStore } from './store';
import type { AgentRow, QueueRow } from './types';

const queue = (id: string, waiting: number) => ({ id, label: id, waiting }) as QueueRow;
const agent = (id: string, work: AgentRow['work']) => ({ id, label: id, work }) as AgentRow;

function filled() {
  const store = new FeedStore();
  store.begin('one');
  store.snapshot(10, { queues: [queue('sales', 1)], agents: [agent('8001', 'idle'), agent('8002', 'idle')] });
  return store;
}

describe('feed store', () => {
  it('applies a batch that follows and refuses one that leaves a gap', () => {
    const store = filled();
    expect(store.delta(10, 12, { queues: [queue('sales', 2)] }, {})).toBe('applied');
    expect(store.get('queues', 'sales')?.waiting).toBe(2);
    expect(store.delta(13, 14, { queues: [queue('sales', 9)] }, {})).toBe('gap');
    expect(store.get('queues', 'sales')?.waiting).toBe(2);
    expect(store.seq).toBe(12);
  });

  it('ignores a batch that is older than the rows', () => {
    const store = filled();
    store.delta(10, 20, { queues: [queue('sales', 5)] }, {});
    expect(store.delta(10, 15, { queues: [queue('sales', 3)] }, {})).toBe('old');
    expect(store.get('queues', 'sales')?.waiting).toBe(5);
  });

  it('takes a batch without events, such as a changed limit', () => {
    const store = filled();
    expect(store.delta(10, 10, { queues: [queue('sales', 4)] }, {})).toBe('applied');
    expect(store.get('queues', 'sales')?.waiting).toBe(4);
  });

  it('does not let a late answer bring an older row or a removed one back', () => {
    const store = filled();
    store.delta(10, 20, { agents: [agent('8001', 'talking')] }, { agents: ['8002'] });
    store.merge(15, { agents: [agent('8001', 'offered'), agent('8002', 'idle')] });
    expect(store.get('agents', '8001')?.work).toBe('talking');
    expect(store.get('agents', '8002')).toBeUndefined();
    store.merge(25, { agents: [agent('8002', 'idle')] });
    expect(store.get('agents', '8002')?.work).toBe('idle');
  });

  it('keeps old rows in a new epoch until its snapshot replaces them, whatever its positions', () => {
    const store = filled();
    store.begin('two');
    expect(store.get('agents', '8001')?.work).toBe('idle');
    expect(store.delta(10, 11, {}, {})).toBe('gap');
    store.snapshot(3, { agents: [agent('8001', 'hold')] });
    expect(store.get('agents', '8001')?.work).toBe('hold');
    expect(store.ids('agents')).toEqual(['8001']);
    expect(store.get('queues', 'sales')).toBeUndefined();
    expect(store.seq).toBe(3);
  });

  it('tells only the rows that changed and keeps the list of ids when none came or went', () => {
    const store = filled();
    const first = vi.fn();
    const second = vi.fn();
    store.onRow('agents', '8001', first);
    store.onRow('agents', '8002', second);
    const ids = store.ids('agents');
    store.delta(10, 11, { agents: [agent('8001', 'talking')] }, {});
    expect(first).toHaveBeenCalledTimes(1);
    expect(second).not.toHaveBeenCalled();
    expect(store.ids('agents')).toBe(ids);
    store.delta(11, 12, { agents: [agent('8003', 'idle')] }, {});
    expect(store.ids('agents')).toEqual(['8001', '8002', '8003']);
  });
});
