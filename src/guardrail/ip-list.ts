import { BlockList, isIP } from 'node:net';

type Range = { readonly address: string; readonly family: 'ipv4' | 'ipv6'; readonly prefix: number };

const HINT = 'write an address like 10.1.2.3 or fd00::1, or a range like 10.0.0.0/8 or fd00::/8';

/**
 * Tells if an address is on a list of addresses and CIDR ranges. An IPv4 address is the same as its IPv4-mapped form in
 * IPv6, which a server that listens on `::` sees; a range of IPv6 has no other IPv4 addresses in it. Nobody is on an
 * empty list, and neither is an unknown address.
 *
 * @throws Error naming the entry by its position, from 1, with what to write
 */
export function ipList(entries: readonly string[]): (address: string | undefined) => boolean {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const [index, entry] of entries.entries()) {
    const range = rangeOf(entry.trim());
    if (range === undefined) throw new Error(`entry ${index + 1}: ${HINT}`);
    lists[range.family].addSubnet(range.address, range.prefix, range.family);
  }
  return (address = '') => {
    const one = address.includes('/') ? undefined : rangeOf(address.replace(/%.*$/, ''));
    return one !== undefined && lists[one.family].check(one.address, one.family);
  };
}

const BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 };
const MAPPED_BITS = 96;

function rangeOf(entry: string): Range | undefined {
  const [, address = '', given] = /^([^/%]*)(?:\/(0|[1-9]\d{0,2}))?$/.exec(entry) ?? [];
  const bits = BITS[isIP(address)];
  const prefix = given === undefined ? bits : Number(given);
  if (bits === undefined || prefix === undefined || prefix > bits) return undefined;
  if (bits === 32) return { address, family: 'ipv4', prefix };
  const mapped = prefix < MAPPED_BITS ? undefined : mappedIPv4(address);
  return mapped === undefined
    ? { address, family: 'ipv6', prefix }
    : { address: mapped, family: 'ipv4', prefix: prefix - MAPPED_BITS };
}

/** `10.0.0.1` of `::ffff:10.0.0.1`, however it is written. */
function mappedIPv4(address: string): string | undefined {
  const { hostname } = new URL(`http://[${address}]`);
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const bits = Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.');
}

/**
 * The network that one sender has for itself: an IPv4 address, however it is written, or the first half of one of IPv6, as the other
 * half is free to choose. Any other text stays as it is.
 */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, '');
  if (isIP(plain) !== 6) return plain;
  const mapped = mappedIPv4(plain);
  if (mapped !== undefined) return mapped;
  const { hostname } = new URL(`http://[${plain}]`);
  const [left = '', right] = hostname.slice(1, -1).split('::');
  const [head, tail] = [left, right ?? ''].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = right === undefined ? 0 : 8 - (head?.length ?? 0) - (tail?.length ?? 0);
  const groups = [...(head ?? []), ...Array<string>(zeros).fill('0'), ...(tail ?? [])];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
