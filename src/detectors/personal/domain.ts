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

const LATIN_FIRST = /^[a-z]{2,24}(?=[^\0-\u036f])/;

/**
 * The beginning of a name that is a domain: `example.com` of `example.com.Then`. Undefined if none is, as of the name of a
 * unit, a member or a file.
 */
export function domainIn(name: string): string | undefined {
  for (let end = name.length; end > 0; ) {
    const dot = name.lastIndexOf('.', end - 1);
    if (dot < 1) return undefined;
    const part = name.slice(dot + 1, end).toLowerCase();
    if (topLevel().has(part)) return name.slice(0, end);
    // Scripts without blanks go on with the sentence
    const latin = LATIN_FIRST.exec(part)?.[0];
    if (latin !== undefined && topLevel().has(latin)) return name.slice(0, dot + 1 + latin.length);
    end = dot;
  }
  return undefined;
}
