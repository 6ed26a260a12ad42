import { timingSafeEqual } from 'node:crypto';

/**
 * A check of the caller's key, from `x-api-key` or `Authorization: Bearer`; either may be right. Every key is compared
 * each time, so the time taken tells nothing but the length of what was offered.
 *
 * @param apiKeys several while keys are rotated; none means that callers are not asked
 */
export function createAuth(
  apiKeys: readonly string[],
): (header: (name: string) => string | undefined) => boolean {
  if (apiKeys.length === 0) return () => true;
  const known = apiKeys.map((key) => Buffer.from(key));
  const matches = (key: string | undefined) => {
    if (key === undefined) return false;
    const offered = Buffer.from(key);
    let found = false;
    for (const one of known) {
      const sameLength = one.length === offered.length;
      if (timingSafeEqual(sameLength ? one : offered, offered) && sameLength) found = true;
    }
    return found;
  };
  return (header) => {
    const bearer = /^Bearer +(\S+)\s*$/i.exec(header('authorization') ?? '')?.[1];
    const byKey = matches(header('x-api-key'));
    return matches(bearer) || byKey;
  };
}
