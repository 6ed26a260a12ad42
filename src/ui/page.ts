import { Hono, type MiddlewareHandler } from 'hono';
import { errorBody } from '../calls/refusal.ts';
import { allowAddresses } from '../http/middleware/address.ts';
import { readBody } from '../http/middleware/body.ts';
import { BodyReader } from '../http/middleware/body-reader.ts';
import { ASSETS_PATH, pageHeaders } from '../http/middleware/page-headers.ts';
import { ownHost } from '../http/middleware/page-host.ts';
import { sameOrigin } from '../http/middleware/same-origin.ts';
import { readOn, type UnreadLimits } from '../http/middleware/unread-body.ts';
import type { OpsKeys, OpsRefusal } from '../http/ops-keys.ts';
import type { BridgeContext, BridgeEnv, Refuse } from '../http/refusal.ts';
import { pageResponse } from './layout.ts';
import { LOGIN_PATH, LOGOUT_PATH, loginForm, loginRoutes, pathWithin } from './login.ts';
import { html } from './markup.ts';

/** A key and a path. */
const MAX_LOGIN_BYTES = 32 * 1024;

export type PageOptions = {
  /** All routes below `/ui`. */
  readonly ui: Hono<BridgeEnv>;
  readonly keys: OpsKeys;
  /** Address that is listened on. */
  readonly host: string;
  /** True for an address that may come; gets undefined for a request without a connection. */
  readonly isAllowedAddress: (address: string | undefined) => boolean;
  /** For bodies that are not wanted; others may take as long. */
  readonly unread: UnreadLimits;
};

const MESSAGES = {
  host: 'no key is asked for here, so the page has no name but localhost, 127.0.0.1, [::1] and the address that it listens on: open it by one of them (kubectl port-forward, ssh -L), or set OPS_PORT and OPS_API_KEYS',
  origin: 'this came from a page of another site, or a proxy changes Host: have it hand Host on',
} as const;

/** The page: what stands below `/ui`, behind keys, with headers for browsers. */
export function createPage(options: PageOptions): Hono<BridgeEnv> {
  const { ui, keys, host, isAllowedAddress, unread } = options;
  const app = new Hono<BridgeEnv>();
  const refuse = (reason: 'host' | 'origin') => (c: BridgeContext) => {
    readOn(c.env?.incoming, unread);
    return refused(c, keys.counted(reason), MESSAGES[reason]);
  };
  app.use('/ui/*', pageHeaders);
  app.use(
    '/ui/*',
    allowAddresses(isAllowedAddress, (c, { message }) => {
      readOn(c.env?.incoming, unread);
      return refused(c, keys.counted('address'), message);
    }),
  );
  if (!keys.areAsked) app.use('/ui/*', ownHost(host, refuse('host')));
  app.use('/ui/*', sameOrigin(refuse('origin')));
  if (keys.areAsked) app.use('/ui/*', askedForKey(keys, unread));
  app.use('/ui/*', bodies(options));
  app.route('/', loginRoutes(keys));
  app.get('/ui/', (c) => c.redirect('/ui', 301));
  app.route('/', ui);
  return app;
}

/** Tells a browser in a page, and a program in JSON. */
function refused(c: BridgeContext, reason: OpsRefusal, message: string): Response {
  if (!wantsPage(c)) return c.json(errorBody({ reason, message }), 403);
  const body = html`<h1>Not here</h1><p>${message}.</p>`;
  return pageResponse(c, { title: 'Not here', isLocked: true, body, now: Date.now() }, 403);
}

const wantsPage = (c: BridgeContext) => c.req.header('accept')?.includes('text/html') === true;

/** Asks for a key, but for what the form needs that asks for it. */
function askedForKey(keys: OpsKeys, unread: UnreadLimits): MiddlewareHandler<BridgeEnv> {
  const ask = keys.asked('ui', (c, reason) => {
    readOn(c.env?.incoming, unread);
    const { pathname, search } = new URL(c.req.url);
    if (wantsPage(c)) {
      const next = c.req.method === 'GET' ? pathname + search : pathname;
      return loginForm(c, keys, reason, pathWithin(next));
    }
    const message = `send one of ${keys.setting} as x-api-key, or open ${LOGIN_PATH} in a browser`;
    const refusal = { reason: 'unauthorized', field: 'x-api-key', message };
    return c.json(errorBody(refusal), reason === 'crowded' ? 429 : 401);
  });
  return (c, next) => {
    const { path } = c.req;
    const isFree = path === LOGIN_PATH || path === LOGOUT_PATH || path.startsWith(ASSETS_PATH);
    return isFree ? next() : ask(c, next);
  };
}

/** Reads what the form sends that asks for a key, and throws away what no route reads. */
function bodies({ keys, unread }: PageOptions): MiddlewareHandler<BridgeEnv> {
  const reader = new BodyReader({
    maxBytes: MAX_LOGIN_BYTES,
    largestAtOnce: 32,
    timeoutMs: unread.timeoutMs,
  });
  const refuse: Refuse<OpsRefusal> = (c, { status, reason, message }) =>
    c.json(errorBody({ reason: keys.counted(reason), message }), status);
  const read = readBody(reader, {
    acceptsGzip: false,
    messages: {
      too_large: 'a key is shorter',
      overloaded: 'too many forms come in at once; try again',
      content_encoding: 'send the body uncompressed',
    },
    refuse,
    refuseEarly(c, refusal) {
      readOn(c.env?.incoming, unread);
      return refuse(c, refusal);
    },
  });
  return async (c, next) => {
    const { method, path } = c.req;
    const incoming = c.env?.incoming;
    if (method === 'POST' && [LOGIN_PATH, LOGOUT_PATH].includes(path)) return read(c, next);
    await next();
    // Nobody wanted it
    if (incoming?.readableFlowing === null) readOn(incoming, unread);
  };
}
