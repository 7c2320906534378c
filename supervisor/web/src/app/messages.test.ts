import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const src = join(import.meta.dirname, '..');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' });
const code = files.filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.test.ts'));
const text = new Map(code.map((path) => [path, readFileSync(join(src, path), 'utf8')]));

type Tree = { [key: string]: string | Tree };

function keys(tree: Tree, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [prefix + key] : keys(value, `${prefix}${key}.`),
  );
}

function load(language: string): string[] {
  const found = files.filter((path) => path.endsWith(`messages.${language}.json`));
  return found.flatMap((path) => keys(JSON.parse(readFileSync(join(src, path), 'utf8'))));
}

describe('messages', () => {
  it('has every key in both languages', () => {
    expect(load('en').sort()).toEqual(load('zh').sort());
    expect(load('zh').length).toBeGreaterThan(100);
  });

  it('uses every key, and only keys that are there', () => {
    const all = [...text.values()].join('\n');
    const known = new Set(load('zh'));
    const used = new Set([...all.matchAll(/\bt\(\s*'([a-z_.]+)'/g)].map((match) => match[1] as string));
    // Keys made of a fixed prefix and a word of the API, as `state.` + the agent's state.
    const prefixes = [...all.matchAll(/`([a-z_]+\.)\$\{/g)].map((match) => match[1] as string);
    const named = [...all.matchAll(/'([a-z_]+\.[a-z_]+)'/g)].map((match) => match[1] as string);
    for (const key of used) expect(known, key).toContain(key);
    const unused = [...known].filter(
      (key) => !used.has(key) && !named.includes(key) && !prefixes.some((prefix) => key.startsWith(prefix)),
    );
    expect(unused).toEqual([]);
  });

  it('keeps Han characters in the Chinese messages alone', () => {
    const strays = [...text].filter(
      ([path, body]) => /\p{Script=Han}/u.test(body) && !path.includes('messages'),
    );
    expect(strays.map(([path]) => path)).toEqual([]);
  });
});
