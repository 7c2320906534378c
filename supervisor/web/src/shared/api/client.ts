/** REST: one call, and problems as errors. Everything stays on our origin. */

export interface Problem {
  status: number;
  code: string;
  detail: string;
  hint: string;
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

async function problem(response: Response): Promise<Problem> {
  try {
    const body = await response.json();
    return {
      status: response.status,
      code: String(body.code ?? 'unknown'),
      detail: String(body.detail ?? response.statusText),
      hint: String(body.hint ?? ''),
    };
  } catch {
    return { status: response.status, code: 'unreadable', detail: response.statusText, hint: '' };
  }
}

export async function call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method === 'POST')
    headers['idempotency-key'] = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
    });
  } catch {
    throw new ApiError({ status: 0, code: 'unreachable', detail: '', hint: '' });
  }
  if (!response.ok) throw new ApiError(await problem(response));
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export interface Me {
  name: string;
  role: 'agent' | 'team_leader' | 'supervisor' | 'admin';
  agent: string | null;
  rights: string[];
  pause_reasons: string[];
  build: string;
}

export interface Accepted {
  command: string;
  agent: string;
  seq: number;
}

export interface ContactRow {
  id: string;
  opened_at: number;
  closed_at: number | null;
  business_date: string;
  number: string | null;
  caller: string | null;
  queue: string | null;
  agent: string | null;
  wait_ms: number | null;
  talk_ms: number | null;
  outcome: string | null;
  why: string | null;
  recordings: string[];
}

export interface ContactList {
  contacts: ContactRow[];
  next: string | null;
}
