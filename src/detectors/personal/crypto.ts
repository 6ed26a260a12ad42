import { hash } from 'node:crypto';
import { entity, NUMBER_EDGE } from './entity.ts';

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** Addresses of Bitcoin (with their sums) and Ethereum. */
export const CRYPTO = entity(
  'CRYPTO',
  ['CRYPTO_ADDRESS'],
  'always',
  /** Bitcoin's first two kinds of address. @see https://en.bitcoin.it/wiki/Base58Check_encoding */
  {
    look: [0, '13'],
    pattern: `${NUMBER_EDGE}[13][${BASE58}]{25,34}(?!\\w)`,
    judge: (address) => (isBase58Check(address) ? address.length : 0),
  },
  /** @see https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki and bip-0350 */
  {
    anchors: ['bc1'],
    pattern: `${NUMBER_EDGE}bc1[${BECH32}]{11,71}(?!\\w)`,
    flags: 'i',
    judge: (address) => (isBech32(address) ? address.length : 0),
  },
  // Not the one of nobody
  { anchors: ['0x'], pattern: String.raw`${NUMBER_EDGE}0x(?!(?:0{38}|f{38}))[0-9a-f]{40}(?!\w)`, flags: 'i' },
);

/** One byte of version, twenty of a hash, four of a sum. */
function isBase58Check(address: string): boolean {
  const bytes = new Uint8Array(25);
  for (const letter of address) {
    let carry = BASE58.indexOf(letter);
    for (let i = bytes.length - 1; i >= 0; i--) {
      carry += bytes[i]! * 58;
      bytes[i] = carry & 0xff;
      carry >>= 8;
    }
    if (carry > 0) return false;
  }
  if (bytes[0] !== 0 && bytes[0] !== 5) return false;
  const sum = hash('sha256', hash('sha256', bytes.subarray(0, 21), 'buffer'), 'buffer');
  return sum.subarray(0, 4).equals(bytes.subarray(21));
}

function isBech32(address: string): boolean {
  const lower = address.toLowerCase();
  if (address !== lower && address !== address.toUpperCase()) return false;
  // The letters of the prefix "bc": their high bits, a zero, their low bits
  let sum = 1;
  for (const value of [3, 3, 0, 2, 3]) sum = step(sum, value);
  for (const letter of lower.slice(3)) sum = step(sum, BECH32.indexOf(letter));
  return sum === 1 || sum === 0x2bc830a3;
}

const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

function step(sum: number, value: number): number {
  const top = sum >>> 25;
  let next = ((sum & 0x1ffffff) << 5) ^ value;
  for (let i = 0; i < GENERATOR.length; i++) if ((top >> i) & 1) next ^= GENERATOR[i]!;
  return next;
}
