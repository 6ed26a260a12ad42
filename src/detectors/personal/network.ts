import { isIPv6 } from 'node:net';
import { type Entity, entity, NUMBER_EDGE, NUMERALS } from './entity.ts';

const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1?\d?\d)`;

const BEFORE = `${NUMBER_EDGE}(?<![:.])`;
const SHAPE = new RegExp(String.raw`${BEFORE}(?=[0-9A-F]{0,4}:[0-9A-F]{0,4}:)[0-9A-F:.]{4,45}(?!\w)`, 'iy');
const BEGUN = new RegExp(`${BEFORE}[0-9A-F:.]{1,46}`, 'iy');
const TAIL = new RegExp(`${BEFORE}[0-9A-F]{1,4}$`, 'gi');

/** IP addresses of both kinds, and those of network hardware. */
export const NETWORK: readonly Entity[] = [
  entity(
    'IP_ADDRESS',
    ['IP'],
    'always',
    {
      look: [1, `${NUMERALS}.`],
      pattern: String.raw`${NUMBER_EDGE}(?<!\.)${OCTET}(?:\.${OCTET}){3}(?!\w|\.\d)`,
    },
    // Found by its first colon
    {
      anchors: [':'],
      sources: [{ id: 'ip-address', anchors: [':'], pattern: SHAPE.source, flags: 'i' }],
      reach: () => 48,
      match(text, at) {
        if (text[at + 1] !== ':' && !isHex(text.charCodeAt(at + 1))) return undefined;
        const start = groupStart(text, at);
        SHAPE.lastIndex = start;
        const candidate = SHAPE.exec(text)?.[0];
        const length = candidate === undefined ? 0 : addressLength(candidate);
        return length > 0 ? { start, end: start + length } : undefined;
      },
      open(text, at) {
        const start = groupStart(text, at);
        BEGUN.lastIndex = start;
        return BEGUN.test(text) && BEGUN.lastIndex === text.length ? start : undefined;
      },
      openTail(text, from) {
        TAIL.lastIndex = Math.max(from, text.length - 4);
        return TAIL.exec(text)?.index;
      },
    },
  ),
  // Two hexadecimal digits six times, with the same sign between all of them
  entity('MAC_ADDRESS', ['MAC'], 'always', {
    anchors: [':', '-'],
    lead: 2,
    pattern: String.raw`${NUMBER_EDGE}(?<![:-])[0-9A-F]{2}(?:(?::[0-9A-F]{2}){5}(?!:?\w)|(?:-[0-9A-F]{2}){5}(?!-?\w))`,
    flags: 'i',
  }),
];

/** Start of the group that ends before a colon. */
function groupStart(text: string, colon: number): number {
  let start = colon;
  while (start > colon - 4 && isHex(text.charCodeAt(start - 1))) start--;
  return start;
}

/** Not every `a::b` is an address: code is full of them. */
function addressLength(candidate: string): number {
  const address = candidate.replace(/[:.]$/, '');
  const groups = address.split(':').filter((group) => group !== '');
  const isLong = groups.length > 2 || (groups[0]?.length ?? 0) > 2;
  return isLong && /\d/.test(address) && isIPv6(address) ? address.length : 0;
}

function isHex(unit: number): boolean {
  const small = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (small >= 0x61 && small <= 0x66);
}
