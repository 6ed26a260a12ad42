/** What is decoded counts from so many characters in a row that can be read. */
const LEAST = 16;
const LEVELS = 2;

/** The shortest base64 of 16 bytes; 16 bytes in hex are longer. */
const LEAST_RUN = 22;
/** Four pairs of hex digits, each set apart. */
const SPACED_HEX = /[\s,:;][0-9a-f]{2}[\s,:;]{1,2}[0-9a-f]{2}[\s,:;]{1,2}[0-9a-f]{2}[\s,:;]{1,2}[0-9a-f]{2}/i;
const IN_RUN = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w+/-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

const BASE64 = /(?<![\w+/-])[\w+/-]{22,}(?:\r?\n[\w+/-]{4,})*/g;
const HEX = /(?<![0-9a-z])(?:(?:\\x|0x)?[0-9a-f]{2}[\s,:;]{0,2}){16,}/gi;
const HEX_NOISE = /\\x|0x|[\s,:;]/gi;
const ESCAPE =
  /(?:%[0-9a-f]{2}){1,256}|&#\d{1,7};?|&#x[0-9a-f]{1,6};?|&[a-z]{2,7};|\\u[0-9a-f]{4}|\\u\{[0-9a-f]{1,6}\}|\\x[0-9a-f]{2}/gi;
const READABLE = /[^\p{C}\ufffd\t\r\n]{1}[^\p{Cc}\p{Cn}\p{Co}\p{Cs}\ufffd]{15,}/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  num: '#',
  colon: ':',
  period: '.',
  comma: ',',
  excl: '!',
  lsqb: '[',
  rsqb: ']',
  vert: '|',
  newline: '\n',
};

/**
 * What stands encoded in a text: base64 (also base64url, also in lines), hex, percent codes, HTML entities, `\u0069` and
 * `\x69`, wherever 16 characters or more can be read once decoded; and what is encoded within that. Percent codes,
 * entities and escapes give the whole text with them undone, as they may stand for one letter each.
 *
 * Linear: text without any costs about 2 ms a megabyte. All parts together are at most three times as long as the text.
 */
export function decodedParts(text: string): string[] {
  const parts: string[] = [];
  let left = 3 * text.length;
  let inside: readonly string[] = [text];
  for (let level = 0; level < LEVELS && inside.length > 0; level++) {
    const found: string[] = [];
    for (const outer of inside) {
      if (!mayHoldCode(outer)) continue;
      for (const part of partsOf(outer)) {
        if (left < LEAST) return parts;
        const kept = part.slice(0, left);
        left -= kept.length;
        parts.push(kept);
        found.push(kept);
      }
    }
    inside = found;
  }
  return parts;
}

function mayHoldCode(text: string): boolean {
  return (
    text.includes('%') ||
    text.includes('&') ||
    text.includes('\\') ||
    hasLongRun(text) ||
    text.includes('0x') ||
    SPACED_HEX.test(text)
  );
}

/** Looks from the end of where a run would be: words end it soon, and most of the text is never looked at. */
function hasLongRun(text: string): boolean {
  let start = 0;
  while (start + LEAST_RUN <= text.length) {
    let at = start + LEAST_RUN - 1;
    while (at >= start && IN_RUN[text.charCodeAt(at)] === 1) at--;
    if (at < start) return true;
    start = at + 1;
  }
  return false;
}

function* partsOf(text: string): Generator<string> {
  for (const [run] of text.matchAll(BASE64)) yield* base64Parts(run);
  for (const [run] of text.matchAll(HEX)) {
    yield* readable(Buffer.from(run.replace(HEX_NOISE, ''), 'hex'));
  }
  const unescaped = withoutEscapes(text);
  if (unescaped !== text) yield unescaped;
}

/** A run may begin with letters that are no part of it, such as a path: then it is read one, two or three letters later. */
function* base64Parts(run: string): Generator<string> {
  const letters = run.replace(/[\r\n]/g, '');
  for (let skipped = 0; skipped < (letters.length <= 4096 ? 4 : 1); skipped++) {
    const parts = readable(Buffer.from(letters.slice(skipped), 'base64'));
    if (parts.length === 0) continue;
    yield* parts;
    return;
  }
}

function readable(bytes: Buffer): readonly string[] {
  return bytes.toString('utf8').match(READABLE) ?? [];
}

function withoutEscapes(text: string): string {
  return text.replace(ESCAPE, (code) => {
    if (code.startsWith('%')) return Buffer.from(code.replaceAll('%', ''), 'hex').toString('utf8');
    if (code.startsWith('&') && code[1] !== '#') return ENTITIES[code.slice(1, -1).toLowerCase()] ?? code;
    const digits = code.replace(/[^0-9a-f]/gi, '');
    const point = /^&#\d/.test(code) ? Number(digits) : Number.parseInt(digits, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : code;
  });
}
