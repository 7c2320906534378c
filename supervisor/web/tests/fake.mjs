// A page with made-up data: serves dist, answers the API and the live feed. For looking at the page, and for its tests.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';

const dist = new URL('../dist/', import.meta.url);
const KINDS = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html' };

/** The policy the gateway sends, with a fixed nonce. */
const POLICY =
  "default-src 'self'; style-src 'self' 'nonce-n'; style-src-attr 'unsafe-inline'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export function serve() {
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://x').pathname.slice(1);
    const file = new URL(path || 'index.html', dist);
    const found = path && extname(path) && existsSync(file);
    if (!found) {
      const html = readFileSync(new URL('index.html', dist), 'utf8').replaceAll('__CSP_NONCE__', 'n');
      response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': POLICY });
      response.end(html);
      return;
    }
    response.writeHead(200, { 'content-type': KINDS[extname(path)] ?? 'application/octet-stream' });
    response.end(readFileSync(file));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({ url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }),
    );
  });
}

const counters = (offered, answered, abandoned, waiting, within, lost = 0) => ({
  offered,
  answered,
  abandoned,
  flowed_out: offered - answered - abandoned - waiting - lost,
  lost,
  waiting,
  within,
  answer_rate: offered ? answered / offered : null,
  within_rate: offered ? within / offered : null,
  within_of_answered: answered ? within / answered : null,
  longest_wait_ms: 48_000,
  mean_wait_ms: 9_000,
});

const AGENTS = [
  ['8001', '张伟', 'ready', null, 'idle', 'registered'],
  ['8002', '李娜', 'ready', null, 'talking', 'registered'],
  ['8003', '王芳', 'paused', 'meal', 'idle', 'registered'],
  ['8004', '刘洋', 'ready', null, 'offered', 'registered'],
  ['8005', '陈静', 'ready', null, 'wrap_up', 'registered'],
  ['8006', '杨帆', 'ready', null, 'idle', 'unreachable'],
  ['8007', '赵磊', 'paused', 'break', 'talking', 'registered'],
  ['8008', '黄丽', 'ready', null, 'hold', 'registered'],
  ['8009', '周强', 'logged_out', null, 'idle', 'unreachable'],
  ['8010', '吴敏', 'paused', 'rona', 'idle', 'registered'],
  ['8011', '徐明', 'logged_out', null, 'idle', 'unreachable'],
  ['8012', '孙悦', 'ready', null, 'idle', 'registered'],
];

/** All rows at `now`. */
export function rows(now) {
  const ago = (seconds) => now - seconds * 1000;
  const numbers = (reached, answered) => ({
    reached,
    refused: 2,
    ended_in_ivr: 17,
    lost_in_ivr: 0,
    queued: reached - 20,
    in_ivr: 1,
    answered,
    hotline_answer_rate: answered / reached,
  });
  const offers = (made, answered) => ({
    made,
    answered,
    missed: 3,
    failed: 1,
    withdrawn: made - answered - 4,
    handled: answered,
    agent_answer_rate: answered / (answered + 4),
  });
  const band = (id, label) => [
    {
      id: `coverage:${id}`,
      kind: 'coverage',
      label,
      queues: counters(160, 148, 7, 2, 131),
      numbers: numbers(182, 148),
      offers: null,
    },
    { id: `roster:${id}`, kind: 'roster', label, queues: null, numbers: null, offers: offers(158, 148) },
  ];
  const call = (id, caller, phase, since, opened, queue, agent) => ({
    id: `0199-${id}`,
    number: '95000-1',
    caller,
    phase,
    since: ago(since),
    opened_at: ago(opened),
    queue,
    agent,
  });
  return {
    hotline: [
      {
        id: 'hotline',
        name: '客服热线',
        zone: 'Asia/Shanghai',
        business_date: '2026-11-24',
        ready: true,
        reasons: [],
        lines_in_use: 8,
        lines_max: 90,
        journal_behind: false,
        waiting: 3,
        longest_since: ago(18),
        agents_ready: 2,
        agents_in: 10,
        targets: { answer_rate: 0.9, within_rate: 0.8, wait_ms: 15000, agents_ready: 2, rate_from: 10 },
      },
    ],
    queues: [
      {
        id: 'after-sales',
        label: '售后报修',
        waiting: 2,
        longest_since: ago(18),
        ready: 0,
        talking: 2,
        today: counters(121, 106, 9, 2, 90, 1),
      },
      {
        id: 'complaints',
        label: '投诉',
        waiting: 1,
        longest_since: ago(6),
        ready: 1,
        talking: 1,
        today: counters(32, 30, 1, 1, 28),
      },
      {
        id: 'pre-sales',
        label: '售前咨询',
        waiting: 0,
        longest_since: null,
        ready: 1,
        talking: 0,
        today: counters(7, 7, 0, 0, 7),
      },
    ],
    agents: AGENTS.map(([id, label, intent, reason, work, device], at) => ({
      id,
      label,
      intent,
      reason,
      intent_since: ago(700 + at * 311),
      by: null,
      work,
      work_since: ago(20 + at * 47),
      until: work === 'wrap_up' ? now + 12_000 : null,
      device,
      device_why: null,
      contact: null,
    })),
    calls: [
      call('1', '138****1234', 'talking', 214, 260, 'after-sales', '8002'),
      call('2', '139****8870', 'hold', 31, 402, 'after-sales', '8008'),
      call('3', '136****5521', 'talking', 65, 92, 'complaints', '8007'),
      call('4', '186****0419', 'waiting', 18, 41, 'after-sales', null),
      call('5', null, 'ringing', 6, 25, 'after-sales', '8004'),
      call('6', '150****7712', 'waiting', 6, 22, 'complaints', null),
      call('7', '177****3308', 'ivr', 4, 4, null, null),
    ],
    figures: [
      {
        id: 'total',
        kind: 'total',
        label: '',
        queues: counters(160, 143, 10, 3, 125, 1),
        numbers: numbers(182, 143),
        offers: null,
      },
      ...band('day', '08:00-20:00'),
      ...band('late', '09:00-21:00'),
      ...band('night', '20:00-08:00'),
    ],
  };
}

const CONTACTS = {
  contacts: Array.from({ length: 12 }, (_, at) => ({
    id: `0199-${at}`,
    opened_at: Date.now() - at * 190_000,
    closed_at: at === 0 ? null : Date.now() - at * 190_000 + 150_000,
    business_date: '2026-11-24',
    number: 'main',
    caller: '138****1234',
    queue: ['after-sales', 'complaints', 'pre-sales'][at % 3],
    agent: at % 4 === 3 ? null : '8002',
    wait_ms: 4_000 + at * 1_700,
    talk_ms: at % 4 === 3 ? null : 95_000 + at * 11_000,
    outcome: at === 0 ? null : at % 4 === 3 ? 'abandoned' : 'completed',
    why: null,
    recordings: at === 0 || at % 4 === 3 ? [] : ['s1'],
  })),
  next: 'c1ff',
};

const ME = {
  name: 'admin',
  role: 'admin',
  agent: null,
  rights: ['me', 'live_own', 'live', 'control_self', 'control_agents', 'contacts', 'figures', 'recordings'],
  pause_reasons: ['break', 'meal', 'meeting', 'training'],
  build: 'dev',
};

/** Answers the API inside the browser; `change` may alter the rows, `silent` stops the feed after its snapshot. */
export async function answer(page, { me = ME, change = (all) => all, silent = false } = {}) {
  const feeds = [];
  await page.route('**/v1/**', (route) => {
    const path = new URL(route.request().url()).pathname;
    const json = (body, status = 200) =>
      route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) });
    if (path === '/v1/me') return me ? json(me) : json({ code: 'login_required', detail: '', hint: '' }, 401);
    if (path === '/v1/contacts') return json(CONTACTS);
    if (path === '/v1/login') return json({ code: 'login_wrong', detail: 'x', hint: '' }, 401);
    if (path.endsWith('/release')) return json({ code: 'refused', detail: 'in a talk', hint: '' }, 409);
    if (path.startsWith('/v1/agents/')) return json({ command: 'pause', agent: '8001', seq: 10 }, 202);
    return json({}, 404);
  });
  await page.routeWebSocket('**/v1/live', (socket) => {
    feeds.push(socket);
    const send = (frame) => socket.send(JSON.stringify(frame));
    send({ t: 'hello', epoch: 'e', seq: 10, now: Date.now(), build: 'dev', schema: 1 });
    const beat = setInterval(() => silent || send({ t: 'beat', seq: 10, now: Date.now() }), 2000);
    socket.onMessage((text) => {
      const said = JSON.parse(text);
      if (said.ping && !silent) send({ t: 'pong', ping: said.ping, now: Date.now() });
      if (said.sub) send({ t: 'snap', seq: 10, rows: change(rows(Date.now())) });
    });
    socket.onClose(() => clearInterval(beat));
  });
  return { send: (frame) => feeds.at(-1).send(JSON.stringify(frame)) };
}
