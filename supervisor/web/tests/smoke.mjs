// Smoke test against a running gateway: npm run smoke -- LOGIN_LINK. Logs in by the one-time link, sees the live tiles,
// and sees a row change by itself. Exits with 1 and a sentence where that fails.
import { browser } from './browser.mjs';

const link = process.argv[2];
/** Longest wait for a row to change, ms: somebody has to call meanwhile. */
const CHANGE_TIME_MAX = Number(process.env.SMOKE_CHANGE_MS ?? 30_000);

if (!link || !/^https?:\/\//.test(link)) {
  console.error('usage: npm run smoke -- http://HOST:PORT/login?token=TOKEN');
  process.exit(2);
}

const chrome = await browser();
const faults = [];
let step = 'open the login link';
try {
  const page = await (await chrome.newContext({ viewport: { width: 1440, height: 1000 } })).newPage();
  const origin = new URL(link).origin;
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol) && url.host !== new URL(origin).host) {
      faults.push(`a request left the origin: ${url.host}`);
    }
  });
  page.on('pageerror', (error) => faults.push(`a script failed: ${error.message}`));
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text()))
      faults.push(`the policy blocked something: ${message.text()}`);
  });
  await page.goto(link);
  step = 'see the live page';
  await page.waitForURL('**/live', { timeout: 15_000 });
  step = 'see six tiles';
  await page.waitForFunction(() => document.querySelectorAll('[data-tile]').length === 6, null, {
    timeout: 15_000,
  });
  step = 'see the feed live';
  await page.waitForSelector('[data-freshness="live"]', { timeout: 15_000 });
  step = 'see agents and queues';
  await page.waitForSelector('[data-row^="agents:"]', { timeout: 15_000 });
  await page.waitForSelector('[data-row^="queues:"]', { timeout: 15_000 });
  step = `see a row change within ${CHANGE_TIME_MAX / 1000} s`;
  await page.evaluate(() => {
    // Ticking durations do not count as a change: they are written by the page itself.
    const read = () =>
      [...document.querySelectorAll('[data-row]')]
        .map((row) => {
          const copy = row.cloneNode(true);
          for (const span of copy.querySelectorAll('.duration')) span.remove();
          return `${row.dataset.row} ${copy.textContent}`;
        })
        .join('\n');
    window.smoke = { first: read(), read };
  });
  await page.waitForFunction(() => window.smoke.read() !== window.smoke.first, null, {
    timeout: CHANGE_TIME_MAX,
    polling: 100,
  });
  step = 'use the link a second time';
  const again = await (await chrome.newContext()).newPage();
  await again.goto(link);
  if (!again.url().includes('link=used')) faults.push('the one-time link worked twice');
} catch (error) {
  faults.push(`could not ${step}: ${String(error.message).split('\n')[0]}`);
} finally {
  await chrome.close();
}
if (faults.length > 0) {
  console.error(`console smoke test failed: ${faults.join('; ')}`);
  process.exit(1);
}
console.log('console smoke test passed: login link, tiles, live feed, a row that changed');
