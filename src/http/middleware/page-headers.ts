import type { MiddlewareHandler } from 'hono';
import type { BridgeEnv } from '../refusal.ts';

/** Below it stand files of the package, which are the same for everybody. */
export const ASSETS_PATH = '/ui/assets/';

const HEADERS: readonly (readonly [name: string, value: string])[] = [
  [
    'content-security-policy',
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  ],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  // With `no-referrer` browsers send our own forms with `Origin: null`, which tells nothing of where they come from
  ['referrer-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
];

/** Has a browser run nothing in the page but our script, keep nothing of it, and show it in no frame. */
export const pageHeaders: MiddlewareHandler<BridgeEnv> = async (c, next) => {
  await next();
  const { headers } = c.res;
  for (const [name, value] of HEADERS) headers.set(name, value);
  const isAsset = c.req.path.startsWith(ASSETS_PATH) && c.res.ok;
  if (!isAsset) headers.set('cache-control', 'no-store');
  else if (!headers.has('cache-control')) headers.set('cache-control', 'public, max-age=3600');
};
