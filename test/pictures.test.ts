import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const FOLDER = join(import.meta.dirname, '..', 'examples', 'page');
const README = readFileSync(join(FOLDER, '..', '..', 'README.md'), 'utf8');
const pictures = readdirSync(FOLDER).sort();

test('there are three pictures of the page: while it is live, on a phone, and of the playground', () => {
  expect(pictures).toEqual(['live.png', 'phone.png', 'playground.png']);
});

test.each(pictures)('%s is a PNG of at most 150 KB, with a palette', (name) => {
  const bytes = readFileSync(join(FOLDER, name));
  expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG');
  expect(bytes[25]).toBe(3);
  expect(bytes.length).toBeLessThanOrEqual(150 * 1024);
});

test('each picture that the README shows is there, and has a text for who does not see it', () => {
  const shown = [...README.matchAll(/!\[([^\]]*)\]\((examples\/[^)]*)\)/g)];
  for (const [, text, path = ''] of shown) {
    expect(text).toMatch(/.{10}/);
    expect(pictures).toContain(path.replace('examples/page/', ''));
  }
});
