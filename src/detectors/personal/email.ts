import { entity } from './entity.ts';

const DOMAIN = /(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}/uy;
const DOMAIN_BEGUN = /(?:[\p{L}\p{N}-]{1,63}\.){0,8}[\p{L}\p{N}-]{0,63}/uy;
const LOCAL = /[\p{L}\p{N}._%+'-]/u;
/** The letters that belong to a backslash before them. */
const ESCAPE = /^(?:u[0-9a-f]{4}|[nrtbf])/i;
/** A quote before an address; in front of one that closes behind it, with the letters of a string in Python. */
const QUOTE = /^(?:[burf]{0,2}'|'+)/i;
const LONE_QUOTE = /^'+/;
const IMAGE_NAME = /\.(?:png|jpe?g|gif|svg|webp)$/i;

const MAX_LOCAL = 64;

/** E-mail addresses, those with letters beyond ASCII too. `image@2x.png` is the name of a file. */
export const EMAIL = entity('EMAIL_ADDRESS', ['EMAIL'], 'always', {
  anchors: ['@'],
  reach: () => 1200,
  match(text, at) {
    const local = text.slice(localStart(text, at, 0), at);
    DOMAIN.lastIndex = at + 1;
    const domain = DOMAIN.exec(text)?.[0];
    if (domain === undefined || IMAGE_NAME.test(domain)) return undefined;
    const end = at + 1 + domain.length;
    const quote = (text[end] === "'" ? QUOTE : LONE_QUOTE).exec(local)?.[0] ?? '';
    return quote.length < local.length ? { start: at - local.length + quote.length, end } : undefined;
  },
  open(text, at) {
    DOMAIN_BEGUN.lastIndex = at + 1;
    DOMAIN_BEGUN.test(text);
    if (DOMAIN_BEGUN.lastIndex < text.length) return undefined;
    const start = localStart(text, at, 0);
    return start < at ? start : undefined;
  },
  openTail(text, from) {
    const start = localStart(text, text.length, from);
    return start < text.length ? start : undefined;
  },
});

/** Start of the part before an `@`; the end itself if there is none. */
function localStart(text: string, end: number, from: number): number {
  const least = Math.max(from, end - MAX_LOCAL);
  let start = end;
  while (start > least && isLocal(text.charCodeAt(start - 1))) start--;
  if (text[start - 1] !== '\\') return start;
  return Math.min(end, start + (ESCAPE.exec(text.slice(start, start + 5))?.[0].length ?? 0));
}

function isLocal(unit: number): boolean {
  if (unit > 0x60 && unit < 0x7b) return true;
  return unit > 0x20 && LOCAL.test(String.fromCharCode(unit));
}
