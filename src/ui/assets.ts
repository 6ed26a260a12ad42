import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const TYPES = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

/** Files that pages name, each with its place. Those of uPlot are its own. */
const FILES = {
  'page.css': new URL('assets/page.css', import.meta.url),
  'page.js': new URL('assets/page.js', import.meta.url),
  'icon.svg': new URL('assets/icon.svg', import.meta.url),
  'uplot.css': new URL('dist/uPlot.min.css', import.meta.resolve('uplot/package.json')),
  'uplot.js': new URL('dist/uPlot.iife.min.js', import.meta.resolve('uplot/package.json')),
} as const;
export type AssetName = keyof typeof FILES;

export type Asset = { readonly type: string; readonly bytes: Uint8Array<ArrayBuffer> };

type Assets = { readonly version: string; readonly files: ReadonlyMap<string, Asset> };

let read: Assets | undefined;

/** All files, 80 KB, read once they are first wanted. */
function assets(): Assets {
  if (read !== undefined) return read;
  const files = new Map<string, Asset>();
  const hash = createHash('sha256');
  for (const [name, place] of Object.entries(FILES)) {
    const bytes = new Uint8Array(readFileSync(place));
    hash.update(bytes);
    files.set(name, { type: TYPES[name.split('.')[1] as keyof typeof TYPES], bytes });
  }
  read = { version: hash.digest('hex').slice(0, 12), files };
  return read;
}

/** The address of a file. It changes with the content of any, so that browsers can keep them for ever. */
export const assetPath = (name: AssetName): string => `/ui/assets/${assets().version}/${name}`;

/** A file, and if it is the one that an address was made for: after an upgrade an old page asks for what was. */
export function findAsset(
  version: string,
  name: string,
): (Asset & { readonly isThatVersion: boolean }) | undefined {
  const { version: current, files } = assets();
  const file = files.get(name);
  return file && { ...file, isThatVersion: version === current };
}
