import type { MiddlewareHandler } from 'hono';
import type { BridgeContext, BridgeEnv } from '../refusal.ts';

/**
 * Lets nothing be changed or asked by a form of another site. A browser says where a form stands by `Sec-Fetch-Site`, and over plain
 * http by `Origin`; what sends neither is no browser.
 */
export function sameOrigin(refuse: (c: BridgeContext) => Response | Promise<Response>) {
  const middleware: MiddlewareHandler<BridgeEnv> = (c, next) => {
    const { method } = c.req;
    return method === 'GET' || method === 'HEAD' || isOwn(c) ? next() : Promise.resolve(refuse(c));
  };
  return middleware;
}

function isOwn(c: BridgeContext): boolean {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const origin = c.req.header('origin');
  // A proxy may have taken TLS off, so the scheme says nothing
  return origin === undefined || URL.parse(origin)?.host === hostOf(c, origin);
}

function hostOf(c: BridgeContext, origin: string): string | undefined {
  const scheme = origin.startsWith('https:') ? 'https:' : 'http:';
  return URL.parse(`${scheme}//${c.req.header('host') ?? ''}`)?.host;
}
