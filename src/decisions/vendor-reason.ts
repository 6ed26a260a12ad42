import { KNOWN_WORDS, SMALL_WORDS } from './reason-words.ts';

/** Stands for what was left out of a reason. */
export const LEFT_OUT = '[…]';

/** Units of a reason that are looked at, and of the rest that is kept. */
const MAX_READ = 600;
const MAX_REASON = 200;
/** Units of texts that a reason is compared with; of a longer call, known words alone are kept. */
const MAX_COMPARED = 16_384;
/** So many words in a row that stand in a text too are a quotation, whatever they are. */
const QUOTED_WORDS = 3;
const MIN_QUOTED = 12;
/** What is longer is no word. */
const MAX_WORD = 24;
/** A reason with more words that nobody knows tells a story: in words of its own, or in another language. */
const MAX_UNKNOWN = 4;
/** A part of a longer word that stands in a text too. In scripts without blanks each two characters can be a word. */
const PART = 5;
const DENSE_PART = 2;
const DENSE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Small words that can stand between two parts of one quotation. */
const MAX_BETWEEN = 3;

type Piece = {
  readonly text: string;
  readonly kind: 'known' | 'small' | 'unknown' | 'code' | 'left_out' | 'between';
};

/**
 * A vendor's reason without what it quotes from a call, as far as that can be told: words of {@link KNOWN_WORDS} stay, and a few
 * others that stand nowhere in the texts, in no case and no spelling. Numbers, addresses, everything in quotation marks and what looks
 * encoded is left out whoever wrote it.
 *
 * @param texts all that the vendor was shown; undefined where that is not known, or no text
 * @returns undefined where nothing is left that tells anything
 */
export function vendorReason(reason: string, texts: readonly string[] | undefined): string | undefined {
  const shown = texts && Shown.of(texts);
  const read = [...piecesOf(readable(reason.slice(0, MAX_READ)))];
  const quoted = shown?.quotedIn(read);
  const isShown = ({ text, kind }: Piece) =>
    kind === 'unknown' ? (shown?.has(text) ?? true) : kind === 'code' && (shown?.hasWhole(text) ?? true);
  const pieces = read.map((piece) => (quoted?.has(piece) || isShown(piece) ? leftOut(piece) : piece));
  const unknown = pieces.filter(({ kind }) => kind === 'unknown').length;
  const kept =
    unknown <= MAX_UNKNOWN
      ? pieces
      : pieces.map((piece) => (piece.kind === 'unknown' ? leftOut(piece) : piece));
  if (!kept.some(({ kind }) => kind === 'known' || kind === 'unknown')) return undefined;
  const words = joined(kept);
  return words.length <= MAX_REASON ? words : `${words.slice(0, MAX_REASON - 1)}…`;
}

const leftOut = (piece: Piece): Piece => ({ ...piece, kind: 'left_out' });

/** Escapes as programs and web pages write them are undone, and characters that nobody sees are left out. */
function readable(text: string): string {
  return text
    .replace(/\\u\{?([0-9a-f]{2,6})\}?|\\x([0-9a-f]{2})|&#x([0-9a-f]{1,6});?/gi, (_, a, b, c) =>
      character(Number.parseInt(a ?? b ?? c, 16)),
    )
    .replace(/&#(\d{1,7});?/g, (_, code) => character(Number(code)))
    .replace(/%([0-9a-f]{2})/gi, (_, code) => character(Number.parseInt(code, 16)))
    .replace(/&(?:quot|apos);/gi, '"')
    .replace(/&(?:amp|lt|gt|nbsp);/gi, ' ')
    .replace(/\\[nrtbf]/g, ' ')
    .replace(/\\(?=["'`\\/])/g, '')
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Cs}\p{Co}\p{Cn}]/gu, '')
    .replace(/[\p{Cc}\p{Z}]+/gu, ' ');
}

const character = (code: number) => (code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ' ');

/** A quotation, which a cut can leave without its end; a word, or words without a blank between them; what is between. */
const TOKEN =
  /(?<quoted>"[^"]*(?:"|$)|[“”„][^“”„]*(?:[“”]|$)|«[^»]*(?:»|$)|`[^`]*(?:`|$)|(?<![\p{L}\p{N}])['‘‚][^'’]*(?:['’](?![\p{L}\p{N}])|$|(?:['’][^'’]*)*['’]))|(?<word>[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}]|[._'’@:/+=\\~#$%&*-]+(?=[\p{L}\p{M}\p{N}]))*=*)|(?<between>[^\p{L}\p{M}\p{N}"“”„«`])/gu;

function* piecesOf(text: string): Iterable<Piece> {
  for (const { groups } of text.matchAll(TOKEN)) {
    const { quoted, word, between } = groups as Record<'quoted' | 'word' | 'between', string | undefined>;
    if (quoted !== undefined) yield { text: quoted, kind: isKnown(quoted) ? 'known' : 'left_out' };
    else if (word !== undefined) yield { text: word, kind: kindOfWord(word) };
    else if (between !== undefined)
      yield { text: /[ .,:;()!?/-]/.test(between) ? between : ' ', kind: 'between' };
  }
}

/** True for words of which each is known. */
function isKnown(text: string): boolean {
  const words = wordsIn(text);
  return words.length > 0 && words.every((word) => KNOWN_WORDS.has(word));
}

/** `PromptInjection_v` is three words. */
const wordsIn = (text: string) =>
  (
    text
      .replace(/['’](?:s|t|re|ll|ve|d|m)(?!\p{L})/gu, '')
      .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  ).map(folded);

/** Codes of rules such as `S10` and `LLM01`; scores such as `0.97`. */
const CODE = /^(?:[A-Z]{1,4}\d{1,2}|0\.\d{1,3}|1\.0)$/;

function kindOfWord(word: string): Piece['kind'] {
  if (SMALL_WORDS.has(folded(word))) return 'small';
  if (isKnown(word)) return 'known';
  if (CODE.test(word)) return 'code';
  // An address, a number, or something encoded
  if (/[@\p{N}\\=+%$&*]|:\/\/|www\./u.test(word)) return 'left_out';
  if (word.length > MAX_WORD || (word.match(/\p{Ll}\p{Lu}/gu) ?? []).length > 1) return 'left_out';
  return 'unknown';
}

/** The rest of a reason in one line; quotations that small words alone part are one. */
function joined(pieces: readonly Piece[]): string {
  let line = '';
  /** What came after the last quotation, and its number of small words, as long as there is nothing else. */
  let after: { text: string; small: number } | undefined;
  for (const { text, kind } of pieces) {
    if (kind === 'left_out') {
      if (after === undefined || after.small > MAX_BETWEEN) line += (after?.text ?? '') + LEFT_OUT;
      after = { text: '', small: 0 };
    } else if (after !== undefined && (kind === 'small' || kind === 'between')) {
      after = { text: after.text + text, small: after.small + (kind === 'small' ? 1 : 0) };
    } else {
      line += (after?.text ?? '') + text;
      after = undefined;
    }
  }
  return `${line}${after?.text ?? ''}`.replace(/ {2,}/g, ' ').trim();
}

/** Lower case, without accents. */
function folded(text: string): string {
  const lower = text.toLowerCase();
  return /^[\x20-\x7e]*$/.test(lower) ? lower : lower.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Letters and digits alone. */
const squashed = (text: string) => text.replace(/[^\p{L}\p{M}\p{N}]+/gu, '');

/** A text without escapes and anything else that could be undone. */
const PLAIN = /^[\x20-\x24\x27-\x5b\x5d-\x7e\s]*$/;

/** The texts that a vendor was shown, and what they say where they are encoded. */
class Shown {
  readonly #text: string;
  /** Without anything between letters and digits. */
  readonly #squashed: string;

  /** Undefined for more than is compared. */
  static of(texts: readonly string[]): Shown | undefined {
    let units = 0;
    for (const { length } of texts) units += length;
    return units > MAX_COMPARED ? undefined : new Shown(texts.join('\n'));
  }

  constructor(text: string) {
    const undone = [text, ...(PLAIN.test(text) ? [] : [readable(text)]), ...decoded(text)].join('\n');
    this.#text = folded(undone);
    this.#squashed = squashed(this.#text);
  }

  /** The words that stand in a row in a text too. */
  quotedIn(pieces: readonly Piece[]): ReadonlySet<Piece> {
    const words = pieces.filter(({ kind }) => kind !== 'between');
    const quoted = new Set<Piece>();
    for (let i = 0; i + QUOTED_WORDS <= words.length; i++) {
      const row = words.slice(i, i + QUOTED_WORDS);
      const letters = squashed(folded(row.map(({ text }) => text).join('')));
      if (letters.length >= MIN_QUOTED && this.#squashed.includes(letters))
        for (const word of row) quoted.add(word);
    }
    return quoted;
  }

  /** True if a code stands there. */
  hasWhole(code: string): boolean {
    return this.#text.includes(folded(code)) || this.#squashed.includes(squashed(folded(code)));
  }

  /** True if a word stands there, or a part of it. */
  has(word: string): boolean {
    return wordsIn(word).some((one) => {
      const length = DENSE.test(one) ? DENSE_PART : PART;
      for (let i = 0; i === 0 || i + length <= one.length; i++) {
        const part = one.slice(i, i + length);
        if (this.#text.includes(part) || this.#squashed.includes(part)) return true;
      }
      return false;
    });
  }
}

/** What runs of base64 and hex say. */
function decoded(text: string): readonly string[] {
  const runs = text.match(/[A-Za-z0-9+/_-]{12,}/g) ?? [];
  return runs.flatMap((run) => {
    const isHex = /^(?:[0-9a-f]{2})+$/i.test(run);
    return [Buffer.from(run, 'base64').toString(), ...(isHex ? [Buffer.from(run, 'hex').toString()] : [])];
  });
}
