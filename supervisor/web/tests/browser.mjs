// Starts the system's Chromium.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

export async function browser() {
  const executablePath = PLACES.find((path) => path && existsSync(path));
  if (!executablePath) {
    console.error(
      'no Chromium found: install it (Debian: apt-get install chromium fonts-noto-cjk), or set CHROMIUM',
    );
    process.exit(1);
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
