import { createRequire } from 'node:module';
import { lazily } from '../lazily.ts';

/** Names that are never given out: for documents, tests and networks of a house. @see RFC 2606, RFC 6762 and RFC 9476 */
const RESERVED = [
  'example',
  'test',
  'invalid',
  'localhost',
  'local',
  'internal',
  'intranet',
  'lan',
  'corp',
  'home',
  'alt',
];

/** All top-level domains of IANA. Loaded for the first address: a start does not wait for it. */
const topLevel = lazily(() => {
  const list = createRequire(import.meta.url)('tlds') as readonly string[];
  return new Set([...list, ...RESERVED]);
});

/**
 * The beginning of a name that is a domain: `example.com` of `example.com.Then`. Undefined if none is, as of the name of a
 * unit, a member or a file.
 */
export function domainIn(name: string): string | undefined {
  const labels = name.split('.');
  for (; labels.length > 1; labels.pop()) {
    if (topLevel().has(labels.at(-1)!.toLowerCase())) return labels.join('.');
  }
  return undefined;
}
