/** Fewest units at the end of a text that are open: a name or a number can have two lines, or a full stop. */
const LEAST = 48;
/** The same where each unit counts. */
const THRIFTY_LEAST = 32;
/** Most units, but for what has no blank: keys and addresses are longer. */
const MOST = 1000;

/**
 * The place in a text that may grow from which on it is open: what stands there can be part of a finding with what comes. It is
 * looked at again with that. As a rule it is the beginning of a line or a sentence.
 *
 * It never goes back while a text grows.
 *
 * @param isThrifty true to have few units behind the place, a tenth of the text at most if blanks allow it
 */
export function openEnd(text: string, isThrifty: boolean): number {
  const least = isThrifty ? THRIFTY_LEAST : LEAST;
  const last = text.length - least;
  if (last <= 0) return 0;
  const most = isThrifty ? Math.min(MOST, Math.max(least, Math.floor(text.length / 10))) : MOST;
  const first = Math.max(0, text.length - most);
  for (let at = last; at > first; at--) if (isBegin(text, at)) return at;
  if (first === 0) return 0;
  for (let at = first; at <= last; at++) if (isBlank(text.charCodeAt(at - 1))) return at;
  const earliest = Math.max(0, text.length - MOST);
  for (let at = first; at > earliest; at--) if (isBlank(text.charCodeAt(at - 1))) return at;
  // Half a character is no place to cut
  return earliest > 0 && (text.charCodeAt(earliest) & 0xfc00) === 0xdc00 ? earliest - 1 : earliest;
}

const isBlank = (unit: number) => unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;

/** True where a line or a sentence begins. */
function isBegin(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  // Line feed, and full stops, exclamation and question marks of Chinese and Japanese
  if (before === 0x0a || before === 0x3002 || before === 0xff01 || before === 0xff1f) return true;
  if (!isBlank(before) || at < 2) return false;
  const end = text.charCodeAt(at - 2);
  return end === 0x2e || end === 0x21 || end === 0x3f;
}
