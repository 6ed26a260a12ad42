import { hash, timingSafeEqual } from 'node:crypto';

/**
 * A check of the caller's key, from `x-api-key` or `Authorization: Bearer`; either may be right. Digests of equal
 * length are compared, all of them each time, so the time taken tells nothing about a key.
 *
 * @param apiKeys several while keys are rotated; none means that callers are not asked
 */
export function createAuth(
  apiKeys: readonly string[],
): (header: (name: string) => string | undefined) => boolean {
  if (apiKeys.length === 0) return () => true;
  const digests = apiKeys.map(digest);
  const matches = (key: string | undefined) => {
    if (key === undefined) return false;
    const offered = digest(key);
    let found = false;
    for (const known of digests) if (timingSafeEqual(known, offered)) found = true;
    return found;
  };
  return (header) => {
    const bearer = /^Bearer +(\S+)\s*$/i.exec(header('authorization') ?? '')?.[1];
    const byKey = matches(header('x-api-key'));
    return matches(bearer) || byKey;
  };
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
