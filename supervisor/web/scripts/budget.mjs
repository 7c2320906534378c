// Fails the build when the first page grows beyond its budget: all scripts and styles that index.html loads, gzipped.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_KIB = 260;
const dist = new URL('../dist/', import.meta.url);
const page = readFileSync(new URL('index.html', dist), 'utf8');
const assets = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
const bytes = assets.reduce((sum, path) => sum + gzipSync(readFileSync(new URL(path, dist))).length, 0);
const kib = bytes / 1024;
console.log(`first page: ${kib.toFixed(0)} KiB gzip of ${LIMIT_KIB}`);
if (assets.length === 0 || kib > LIMIT_KIB) {
  console.error('the first page is over its budget, or its assets were not found');
  process.exit(1);
}
