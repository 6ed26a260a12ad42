import { type AnchoredRule, anchoredRule, type Span } from '../rule.ts';
import { isFiller, isName } from './filler.ts';

/** Private keys as PEM, OpenSSH, PGP, SSH2 and PuTTY write them: each the whole block. A label without a key is none. */
export const PRIVATE_KEYS: readonly AnchoredRule[] = [
  block('private-key', ['-----begin', '---- begin'], mark('-{4,5}[ ]?BEGIN'), mark('END')),
  block(
    'putty-private-key',
    ['putty-user-key-file-'],
    'PuTTY-User-Key-File-\\d:[ ]{0,2}[a-z0-9-]{0,40}',
    'Private-MAC:[ ]{0,2}[0-9A-Fa-f]{20,64}',
  ),
];

/** Forms write `+` for a blank. */
function mark(beginning: string): string {
  return `${beginning}[ +](?:[A-Z0-9]{2,12}[ +]){0,4}PRIVATE[ +]KEY(?:[ +]BLOCK)?[ ]?-{4,5}`;
}

/** UTF-16 units behind its first line that a key can have; real ones have 16 KB at most. */
const MAX_BLOCK = 64 * 1024;
/** Letters of base64 that make a key: documentation shows the first few of one. */
const MIN_MATERIAL = 24;
/** Letters of the lines that programs write; OpenSSH has 70. */
const FULL_LINE = 64;
/** Numbers between two lines of a key: of the line, of a time. */
const MAX_NUMBERS = 8;
/** Letters of words and numbers that can stand between two lines of a key which has its last line, and before the first of them. */
const PATIENCE = 240;
const MOST_PATIENCE = 480;
/** Units before a first line that the lines behind it can begin with too. */
const MAX_PREFIX = 60;

/** Blanks and line ends, quotes, marks of comments, quoted mails, diffs and tables. */
const GAP = /[^A-Za-z0-9]{0,100}/y;
const WORD = /[A-Za-z0-9+/]+={0,2}/y;
const WORDS = /[A-Za-z0-9+/]{1,256}={0,2}/g;
const LINE_NUMBER = /^\d{1,6}$/;
/** The end of a line in HTML. */
const WRITTEN_LINE_END = /<br$/;
const LINE_BREAK = /[\r\n\\"'`<]/;

const HEADER = anchoredRule({
  id: 'header',
  anchors: [':'],
  pattern:
    '(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|MessageID|Subject|Encryption|(?:Public|Private)-Lines|Key-Derivation|Argon2-[A-Za-z]{1,20}|X-[A-Za-z-]{1,40}):[^\\n\\\\]{0,200}',
});

/**
 * From a first line to the last one, if a key stands between; without a last line as far as words look like base64, and what
 * stands behind that is no key.
 *
 * @param begin bounded expression for the first line, as `end` for the last one
 */
function block(id: string, anchors: readonly string[], begin: string, end: string): AnchoredRule {
  const first = anchoredRule({ id, anchors, pattern: begin });
  const last = anchoredRule({ id, anchors, pattern: end });
  return {
    id,
    anchors,
    reach: () => Number.POSITIVE_INFINITY,
    match(text, at) {
      const label = first.match(text, at);
      const end = label && (blockBehind(text, label, last).end ?? keyBehind(text, label, last).end);
      return end === undefined ? undefined : { start: at, end };
    },
    open(text, at) {
      const label = first.match(text, at);
      if (label === undefined) return first.open(text, at);
      const isOpen = blockBehind(text, label, last).isOpen || keyBehind(text, label, last).isOpen;
      return isOpen ? at : undefined;
    },
  };
}

type Key = {
  /** Where it ends; undefined if there is none. */
  readonly end: number | undefined;
  /** True if further text could belong to it. */
  readonly isOpen: boolean;
};

const NONE: Key = { end: undefined, isOpen: false };
const OPEN: Key = { end: undefined, isOpen: true };

/**
 * The key that has its last line, whatever stands between its lines: code, numbers, a note. Where too much of that stands
 * between, none is looked for any more, so that prose behind a label comes through.
 */
function blockBehind(text: string, label: Span, last: AnchoredRule): Key {
  const limit = label.end + MAX_BLOCK;
  let material = 0;
  let patience = PATIENCE;
  WORDS.lastIndex = label.end;
  for (let found = WORDS.exec(text); found !== null; found = WORDS.exec(text)) {
    const [word] = found;
    const at = found.index;
    const end = at + word.length;
    if (at >= limit) return NONE;
    const footer = last.match(text, at);
    if (footer !== undefined) return material < MIN_MATERIAL ? NONE : { end: footer.end, isOpen: false };
    if (end === text.length || last.open(text, at) !== undefined) return OPEN;
    if (beginsOther(word, text, at)) return NONE;
    const isKey = isMaterial(word, material > 0) || isShortLine(word);
    if (isKey) material += word.length;
    patience = Math.min(patience + (isKey ? 2 : -1) * word.length, MOST_PATIENCE);
    if (patience < 0) return NONE;
  }
  return text.length < limit ? OPEN : NONE;
}

/** True for the first line of another block. */
function beginsOther(word: string, text: string, at: number): boolean {
  return word === 'PuTTY' || (word.startsWith('BEGIN') && /-[ ]?$/.test(text.slice(at - 2, at)));
}

/** True for what a line of a key looks like that was broken into pieces. */
function isShortLine(word: string): boolean {
  if (word.length < 4 || word.length >= 16 || !/[a-z]/.test(word) || !/[A-Z]/.test(word)) return false;
  return /[\d+/]/.test(word) && !isName(word);
}

function keyBehind(text: string, label: Span, last: AnchoredRule): Key {
  const limit = Math.min(text.length, label.end + MAX_BLOCK);
  const prefix = prefixBefore(text, label.start);
  let material = 0;
  let numbers = 0;
  let end: number | undefined;
  let beginsLine = false;
  const key = (isOpen: boolean): Key => ({ end: material < MIN_MATERIAL ? undefined : end, isOpen });

  for (let at = label.end; ; ) {
    const gap = at;
    at = endOf(GAP, text, at);
    const line = prefix === '' ? -1 : text.slice(gap, at).lastIndexOf('\n');
    if (line >= 0) at = endOf(GAP, text, behind(prefix, text, gap + line + 1) ?? at);
    beginsLine ||= LINE_BREAK.test(text.slice(gap, at));
    if (at >= limit) return key(limit === text.length);

    const footer = last.match(text, at);
    if (footer !== undefined) {
      end = footer.end;
      return key(false);
    }
    const header = HEADER.match(text, at);
    if (last.open(text, at) !== undefined || HEADER.open(text, at) !== undefined) return key(true);
    if (header !== undefined) {
      at = header.end;
      continue;
    }
    const start = at;
    at = endOf(WORD, text, at);
    const word = text.slice(start, at);
    const isLine = isMaterial(word, material > 0);
    if (isLine || (end !== undefined && beginsLine && isLastLine(word, text[at]))) {
      material += word.length;
      numbers = 0;
      beginsLine = false;
      end = at;
    } else if (WRITTEN_LINE_END.test(text.slice(start - 1, at))) {
      beginsLine = true;
    } else if (at < limit && (!LINE_NUMBER.test(word) || ++numbers > MAX_NUMBERS)) {
      return key(false);
    }
    if (at >= limit) return key(limit === text.length);
  }
}

/** True for a line of base64, which holds letters of all kinds. */
function isMaterial(word: string, isWithinKey: boolean): boolean {
  if (word.length < 16) return false;
  if (isWithinKey && word.length >= 40) return true;
  if (!/[a-z]/.test(word) || !/[A-Z]/.test(word) || !/[\d+/]/.test(word)) return false;
  // A whole line: those of keys of elliptic curves and of OpenSSH are alike, and in part zeros
  if (word.length >= FULL_LINE) return true;
  return !isName(word) && !isFiller(word);
}

/** True for the last line of a key, which is short: alone on its line, and no word. */
function isLastLine(word: string, next: string | undefined): boolean {
  if (next !== undefined && !LINE_BREAK.test(next)) return false;
  return /=$|[a-z][A-Z]|[A-Za-z+/]\d|\d[A-Za-z+/]/.test(word);
}

/** The beginning of the line in which a first line stands, as listings and logs put it before each line: `key.pem:1:`. */
function prefixBefore(text: string, at: number): string {
  const before = text.slice(Math.max(0, at - MAX_PREFIX), at);
  const line = before.lastIndexOf('\n');
  if (line < 0 && at > MAX_PREFIX) return '';
  const prefix = before.slice(line + 1).trimEnd();
  return /[A-Za-z]/.test(prefix) ? prefix : '';
}

/** Where the text goes on behind a prefix, whose numbers may be others; undefined if it stands not there. */
function behind(prefix: string, text: string, at: number): number | undefined {
  let position = at;
  for (const part of prefix.match(/\d+|\D+/g) ?? []) {
    const isNumber = /\d/.test(part);
    const length = isNumber
      ? (/^\d{1,20}/.exec(text.slice(position, position + 20))?.[0].length ?? 0)
      : part.length;
    const left = text.slice(position, position + length);
    if (isNumber ? length === 0 && position < text.length : !part.startsWith(left)) return undefined;
    position += left.length;
    if (position === text.length) return position;
  }
  return position;
}

function endOf(expression: RegExp, text: string, at: number): number {
  expression.lastIndex = at;
  return expression.test(text) ? expression.lastIndex : at;
}
