import { createHmac, randomBytes } from 'node:crypto';
import { matches } from './middleware/authenticate.ts';

/** Time after which a key is to be given again. */
export const SESSION_MS = 12 * 3_600_000;
/** Longer ones are not ours. */
const MAX_CHARS = 200;
const TOKEN = /^([0-9a-z]{1,11})\.([\w-]{22})\.([\w-]{43})$/;

/**
 * A token that stands for a key until it expires. It is sealed by the key itself: each process that has the key knows it, without
 * anything that is shared, and a key that is taken away ends it. Who has it can try keys at it, as many as his machine can: it tells no long key that is random.
 */
export function newSession(key: string, now = Date.now()): string {
  const told = `${(now + SESSION_MS).toString(36)}.${randomBytes(16).toString('base64url')}`;
  return `${told}.${sealOf(told, key)}`;
}

/** `wrong` is one that no known key has sealed; one that has expired is told apart by what it says itself. */
export type SessionState = 'right' | 'wrong' | 'expired';

/** Looks at a token. The time taken tells nothing of its seal. */
export function sessionState(token: string, keys: readonly string[], now = Date.now()): SessionState {
  const [, expires, nonce, seal] = (token.length <= MAX_CHARS && TOKEN.exec(token)) || [];
  if (expires === undefined) return 'wrong';
  if (Number.parseInt(expires, 36) <= now) return 'expired';
  const told = `${expires}.${nonce}`;
  const seals = keys.map((key) => Buffer.from(sealOf(told, key)));
  return matches(seals, seal) ? 'right' : 'wrong';
}

function sealOf(told: string, key: string): string {
  return createHmac('sha256', key).update(`guardrail-bridge session ${told}`).digest('base64url');
}
