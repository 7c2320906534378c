// Pictures of every page, in both languages and themes, and an accessibility check of each: npm run shots -- DIR
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { browser } from './browser.mjs';
import { answer, serve } from './fake.mjs';

const dir = process.argv[2] ?? 'shots';
mkdirSync(dir, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const server = await serve();
const chrome = await browser();
let wrong = 0;

async function shot(name, path, { language = 'zh', scheme = 'light', width = 1440, act, ...options } = {}) {
  const context = await chrome.newContext({ colorScheme: scheme, viewport: { width, height: 1000 } });
  await context.addInitScript((kept) => localStorage.setItem('hotline-language', kept), language);
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' && !/401|409/.test(message.text())) {
      console.error(`${name}: ${message.text()}`);
      wrong += 1;
    }
  });
  page.on('pageerror', (error) => {
    console.error(`${name}: ${error}`);
    wrong += 1;
  });
  const feed = await answer(page, options);
  await page.goto(server.url + path);
  await page.waitForTimeout(600);
  if (act) await act(page, feed);
  await page.screenshot({ path: join(dir, `${name}.png`), fullPage: true });
  // Run through the protocol, which the page's own policy does not stop.
  const found = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ['violations'] })`);
  // The kit's menu holds one element that takes the focus and has no role; it is not announced.
  const known = (one) => one.id === 'aria-required-children' && name === 'menu';
  const bad = found.violations.filter((one) => ['serious', 'critical'].includes(one.impact) && !known(one));
  for (const violation of bad) {
    console.error(
      `${name}: ${violation.id} ${violation.nodes
        .map((node) => node.target)
        .slice(0, 4)
        .join(' | ')}`,
    );
    wrong += 1;
  }
  await context.close();
}

for (const language of ['zh', 'en']) {
  for (const scheme of ['light', 'dark']) {
    await shot(`live-${language}-${scheme}`, '/live', { language, scheme });
    await shot(`contacts-${language}-${scheme}`, '/contacts', { language, scheme });
    await shot(`login-${language}-${scheme}`, '/login?link=used', { language, scheme, me: null });
  }
}
const empty = (all) => ({
  ...all,
  calls: [],
  hotline: [{ ...all.hotline[0], waiting: 0, longest_since: null, ready: false, reasons: ['draining'] }],
});
await shot('live-empty', '/live', { change: empty });
await shot('live-lost', '/live', { silent: true, act: (page) => page.waitForTimeout(16_500) });
await shot('live-narrow', '/live', { width: 720, language: 'en' });
await shot('menu', '/live', { act: (page) => page.locator('[data-row="agents:8001"] button').click() });
await shot('refused', '/live', {
  language: 'en',
  act: async (page) => {
    await page.locator('[data-row="agents:8002"] button').click();
    await page.getByRole('menuitem', { name: 'Release' }).click();
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(dir, 'dialog.png') });
    await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
    await page.waitForTimeout(300);
  },
});
await chrome.close();
server.close();
if (wrong > 0) {
  console.error(`${wrong} faults`);
  process.exit(1);
}
console.log(`pictures are in ${dir}`);
