import { isIPv6 } from 'node:net';
import type { AnchoredRule } from '../rule.ts';
import { NUMBER_EDGE, NUMBER_END } from './entity.ts';
import { isConfigured } from './ipv4.ts';

const EDGE = `${NUMBER_EDGE}(?<![:.])`;
const SHAPE = new RegExp(`${EDGE}(?=[0-9A-F]{0,4}:[0-9A-F]{0,4}:)[0-9A-F:.]{4,45}${NUMBER_END}`, 'iy');
const BEGUN = new RegExp(`${EDGE}[0-9A-F:.]{1,46}`, 'iy');
const TAIL = new RegExp(`${EDGE}[0-9A-F]{1,4}$`, 'gi');

const BEFORE = 64;
const BEHIND = 48;

/** IPv6 addresses that are somebody's, found by their first colon. */
export const IPV6_RULE: Omit<AnchoredRule, 'id'> = {
  anchors: [':'],
  sources: [{ id: 'ip-address', anchors: [':'], pattern: SHAPE.source, flags: 'i' }],
  reach: () => 48 + BEHIND,
  match(text, at) {
    if (text[at + 1] !== ':' && !isHex(text.charCodeAt(at + 1))) return undefined;
    const start = groupStart(text, at);
    SHAPE.lastIndex = start;
    const candidate = SHAPE.exec(text)?.[0];
    const address = candidate?.replace(/\.{1,8}$|:$/, '') ?? '';
    if (!isAddress(address)) return undefined;
    const end = start + address.length;
    // A short one before a bracket is a name with its space
    if (text[end] === '(' && address.length < 12) return undefined;
    const isInside = /^(?:2001:0?db8|fe[89ab][\da-f]|f[cd][\da-f]{2}):/i.test(address);
    const before = text.slice(Math.max(0, start - BEFORE), start);
    return isInside && isConfigured(before, text.slice(end, end + BEHIND)) ? undefined : { start, end };
  },
  open(text, at) {
    const start = groupStart(text, at);
    BEGUN.lastIndex = start;
    if (!BEGUN.test(text)) return undefined;
    return BEGUN.lastIndex + BEHIND > text.length ? start : undefined;
  },
  openTail(text, from) {
    TAIL.lastIndex = Math.max(from, text.length - 4);
    return TAIL.exec(text)?.index;
  },
};

/** Start of the group that ends before a colon. */
function groupStart(text: string, colon: number): number {
  let start = colon;
  while (start > colon - 4 && isHex(text.charCodeAt(start - 1))) start--;
  return start;
}

/**
 * Not every `a::b` is an address: code is full of them. Short ones begin as those that are given out, to the world or within
 * a house; loopback, groups, masks and eight pairs of a dump are nobody's.
 */
function isAddress(address: string): boolean {
  if (!/\d/.test(address) || /^ffff:ffff:/i.test(address) || !isIPv6(address)) return false;
  const groups = address.split(':').filter((group) => group !== '');
  if (!address.includes('::')) return groups.some(({ length }) => length > 2);
  if (/^::ffff:\d{1,3}\./i.test(address)) return true;
  return groups.length > 1 && /^(?:[23][\da-f]{3}|fe[89ab][\da-f]|f[cd][\da-f]{2}|64:ff9b):/i.test(address);
}

function isHex(unit: number): boolean {
  const small = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (small >= 0x61 && small <= 0x66);
}
