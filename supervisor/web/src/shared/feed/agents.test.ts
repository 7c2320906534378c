import { describe, expect, it } from 'vitest';
import { agentState } from './agents';
import type { AgentRow } from './types';

const row = (change: Partial<AgentRow>): AgentRow => ({
  id: '8001',
  label: 'Wei',
  intent: 'ready',
  reason: null,
  intent_since: 100,
  by: null,
  work: 'idle',
  work_since: 200,
  until: null,
  device: 'registered',
  device_why: null,
  contact: null,
  ...change,
});

describe('agent state', () => {
  it('shows work unless idle, then intent', () => {
    expect(agentState(row({})).shown).toBe('ready');
    expect(agentState(row({ work: 'hold' })).shown).toBe('hold');
    expect(agentState(row({ intent: 'paused' })).shown).toBe('paused');
  });

  it('never shows an agent as ready whose phone cannot be rung', () => {
    expect(agentState(row({ device: 'unreachable' })).shown).toBe('trouble');
    expect(agentState(row({ device_why: 'no common codec' })).shown).toBe('trouble');
    expect(agentState(row({ device: 'busy_elsewhere' })).badges).toEqual(['busy_elsewhere']);
  });

  it('keeps what the pill hides visible as badges', () => {
    const shown = agentState(row({ work: 'wrap_up', intent: 'paused', device: 'unreachable' }));
    expect(shown).toEqual({ shown: 'wrap_up', since: 200, badges: ['next_paused', 'unreachable'] });
  });

  it('counts readiness from the later of intent and work', () => {
    expect(agentState(row({})).since).toBe(200);
    expect(agentState(row({ intent: 'logged_out' })).since).toBe(100);
  });
});
