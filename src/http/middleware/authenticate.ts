import { timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { type BridgeEnv, type Refuse, requestHeader } from '../refusal.ts';

/**
 * Lets a request pass if it brings one of the keys, as `x-api-key` or `Authorization: Bearer`; either may be right. Every
 * key is compared each time, so the time taken tells nothing but the length of what was offered.
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
    known.length === 0 || isAuthorized(known, scheme, (name) => requestHeader(c, name))
      ? next()
      : Promise.resolve(refuse(c, refusal));
}

const BEARER = /^Bearer +(\S+)\s*$/i;
const RAW = /^(?:Bearer +)?(\S+)\s*$/i;

function isAuthorized(
  known: readonly Buffer[],
  scheme: RegExp,
  header: (name: string) => string | undefined,
): boolean {
  const bearer = scheme.exec(header('authorization') ?? '')?.[1];
  const byKey = matches(known, header('x-api-key'));
  return matches(known, bearer) || byKey;
}

function matches(known: readonly Buffer[], key: string | undefined): boolean {
  if (key === undefined) return false;
  const offered = Buffer.from(key);
  let found = false;
  for (const one of known) {
    const sameLength = one.length === offered.length;
    if (timingSafeEqual(sameLength ? one : offered, offered) && sameLength) found = true;
  }
  return found;
}
