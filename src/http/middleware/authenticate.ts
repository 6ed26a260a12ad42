import { timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { type BridgeEnv, type Refuse, requestHeader } from '../refusal.ts';

/**
 * Lets a request pass if it brings one of the keys, as `x-api-key` or `Authorization: Bearer`.
 *
 * @param apiKeys several while keys are rotated; none means that callers are not asked
 * @param where says where LiteLLM is told the key
 * @param takesRaw true if `Bearer` may be missing, as Akto's clients leave it out
 */
export function authenticate(
  apiKeys: readonly string[],
  where: string,
  refuse: Refuse<'unauthorized'>,
  takesRaw = false,
): MiddlewareHandler<BridgeEnv> {
  const known = apiKeys.map((key) => Buffer.from(key));
  const scheme = takesRaw ? RAW : BEARER;
  const refusal = {
    status: 401,
    reason: 'unauthorized',
    field: 'x-api-key',
    message: `send one of BRIDGE_API_KEYS as x-api-key, in LiteLLM ${where}`,
  } as const;
  return (c, next) =>
    known.length === 0 || matchHeaders(known, (name) => requestHeader(c, name), scheme) === 'right'
      ? next()
      : Promise.resolve(refuse(c, refusal));
}

const BEARER = /^Bearer +(\S+)\s*$/i;
const RAW = /^(?:Bearer +)?(\S+)\s*$/i;

/** How a key that somebody offers compares with those that are known. */
export type KeyMatch = 'right' | 'wrong' | 'none';

/**
 * Compares the keys of a request, `x-api-key` and `Authorization: Bearer`; either may be right. Every known key is compared each
 * time, so the time taken tells nothing but the length of what was offered.
 */
export function matchHeaders(
  known: readonly Buffer[],
  header: (name: string) => string | undefined,
  scheme = BEARER,
): KeyMatch {
  const bearer = scheme.exec(header('authorization') ?? '')?.[1];
  const byKey = matches(known, header('x-api-key'));
  if (matches(known, bearer) || byKey) return 'right';
  return bearer || header('x-api-key') ? 'wrong' : 'none';
}

/** True for one of the known keys, in a time that tells nothing but the length of the one that was offered. */
export function matches(known: readonly Buffer[], key: string | undefined): boolean {
  if (key === undefined) return false;
  const offered = Buffer.from(key);
  let found = false;
  for (const one of known) {
    const sameLength = one.length === offered.length;
    if (timingSafeEqual(sameLength ? one : offered, offered) && sameLength) found = true;
  }
  return found;
}
