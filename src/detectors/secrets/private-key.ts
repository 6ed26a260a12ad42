import { type AnchoredRule, anchoredRule } from '../rule.ts';

/** Private keys as PEM, OpenSSH, PGP, SSH2 and PuTTY write them: each the whole block. */
export const PRIVATE_KEYS: readonly AnchoredRule[] = [
  block('private-key', ['-----begin', '---- begin'], mark('BEGIN'), mark('END')),
  block(
    'putty-private-key',
    ['putty-user-key-file-'],
    'PuTTY-User-Key-File-\\d:',
    'Private-MAC:[ ]{0,2}[0-9A-Fa-f]{20,64}',
  ),
];

function mark(word: string): string {
  return `-{4,5}[ ]?${word} (?:[A-Z0-9]{2,12} ){0,4}PRIVATE KEY(?: BLOCK)?[ ]?-{4,5}`;
}

/** UTF-16 units behind its first line in which the last line of a key is looked for; real keys have 16 KB at most. */
const MAX_BLOCK = 64 * 1024;

/**
 * From a first line to its last line; without one to the end of the JSON string round it, or else of the text. Both ends
 * are looked for within {@link MAX_BLOCK}: in a text that goes on, a block is open until one has come, and for good once
 * none has come so far, as then it is all the rest of the text, however long that becomes.
 *
 * @param begin bounded expression for the first line, as `end` for the last one
 */
function block(id: string, anchors: readonly string[], begin: string, end: string): AnchoredRule {
  const header = anchoredRule({ id, anchors, pattern: begin });
  const footer = new RegExp(end);

  /** End of the block; undefined if it is the rest of the text. */
  const endOf = (text: string, body: number): number | undefined => {
    const quote = endOfJsonString(text, body);
    const found = footer.exec(text.slice(body, quote ?? body + MAX_BLOCK));
    return found === null ? quote : body + found.index + found[0].length;
  };
  return {
    id,
    anchors,
    reach: () => Number.POSITIVE_INFINITY,
    match(text, at) {
      const first = header.match(text, at);
      return first && { start: at, end: endOf(text, first.end) ?? text.length };
    },
    open(text, at) {
      const first = header.match(text, at);
      if (first === undefined) return header.open(text, at);
      return endOf(text, first.end) === undefined ? at : undefined;
    },
  };
}

/**
 * In JSON, where the string ends within which a position lies: a quote that JSON's own marks follow. The base64 of a
 * key holds no quotes.
 */
function endOfJsonString(text: string, position: number): number | undefined {
  if (!/^\s{0,20}[{["]/.test(text)) return undefined;
  const limit = Math.min(text.length, position + MAX_BLOCK);
  let at = position;
  while (at < limit && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  if (at >= limit) return undefined;
  return /^"\s{0,20}(?:[,}\]:]|$)/.test(text.slice(at, at + 24)) ? at : undefined;
}
