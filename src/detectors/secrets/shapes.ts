import type { RuleSource } from '../rule.ts';
import { entropyOf } from './filler.ts';
import { TOKEN_EDGE } from './token.ts';

const JWT_EDGE = '(?<![A-Za-z0-9_-])';

/** Secrets told by how they are made. */
export const SHAPED_SECRETS: readonly RuleSource[] = [
  {
    id: 'jwt',
    anchors: ['eyj'],
    pattern: `${JWT_EDGE}eyJ[A-Za-z0-9_-]{10,4000}\\.eyJ[A-Za-z0-9_-]{5,8000}\\.[A-Za-z0-9_-]{10,4000}`,
  },
  {
    id: 'base64-jwt',
    anchors: ['zxlk'],
    pattern: `${TOKEN_EDGE}ZXlK[A-Za-z0-9+/_-]{60,8000}={0,2}`,
    judge: (value) => (/^eyJ[\w.-]{40}/.test(atob(plainBase64(value.slice(0, 64)))) ? value.length : 0),
  },
  {
    id: 'base64-private-key',
    anchors: ['ls0tls1crudjti'],
    pattern:
      'LS0tLS1CRUdJTi(?:BQUklW|BSU0Eg|BFQyBQ|BPUEVO|BFTkNS|BEU0Eg|BQR1Ag)[A-Za-z0-9+/]{16,16000}={0,2}',
  },
];

const plainBase64 = (text: string) => text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');

/** Quoted strings that look random: many a harmless hash does too, so that they are asked for. */
export const RANDOM_STRINGS: readonly RuleSource[] = [
  quotedRandom('hex-high-entropy', '[0-9A-Fa-f]{9,512}', 3),
  quotedRandom('base64-high-entropy', '[A-Za-z0-9+/_-]{23,512}={0,2}', 4.5),
];

/**
 * @param limit bits for each character
 * @see https://github.com/Yelp/detect-secrets (its limits, and that it lowers numbers)
 */
function quotedRandom(id: string, letters: string, limit: number): RuleSource {
  return {
    id,
    anchors: ['"', "'", '`'],
    pattern: `(?<before>["'\`])${letters}(?=["'\`])`,
    judge: (value) => (bitsOf(value) > limit ? value.length : 0),
  };
}

/** Numbers count less: all their digits are alike. */
function bitsOf(text: string): number {
  const bits = entropyOf(text);
  return /^\d+$/.test(text) && text.length > 1 ? bits - 1.2 / Math.log2(text.length) : bits;
}
