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
import type { BridgeContext, BridgeEnv } from '../http/refusal.ts';
import { LOGIN_PATH, LOGOUT_PATH, loginForm, loginRoutes, pathWithin } from './login.ts';

/** A key and a path. */
const MAX_LOGIN_BYTES = 32 * 1024;
/** A policy file and some messages, in the form of a browser. */
const MAX_FORM_BYTES = 4 * 1024 * 1024;

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

const MESSAGES: Partial<Record<OpsRefusal, string>> = {
  host: 'no key is asked for here, so the page has no name but localhost, 127.0.0.1, [::1] and the address that it listens on: open it by one of them (kubectl port-forward, ssh -L), or set OPS_PORT and OPS_API_KEYS',
  origin: 'this came from a page of another site, or a proxy changes Host: have it hand Host on',
};

/** The page: what stands below `/ui`, behind keys, with headers for browsers. */
export function createPage(options: PageOptions): Hono<BridgeEnv> {
  const { ui, keys, host, isAllowedAddress, unread } = options;
  const app = new Hono<BridgeEnv>();
  const refuse = (reason: 'host' | 'origin') => (c: BridgeContext) => {
    readOn(c.env?.incoming, unread);
    const error = errorBody({ reason: keys.counted(reason), message: MESSAGES[reason] ?? '' });
    return c.json(error, 403);
  };
  app.use('/ui/*', pageHeaders);
  app.use(
    '/ui/*',
    allowAddresses(isAllowedAddress, (c, { status, message }) => {
      readOn(c.env?.incoming, unread);
      return c.json(errorBody({ reason: keys.counted('address'), message }), status);
    }),
  );
  if (!keys.areAsked) app.use('/ui/*', ownHost(host, refuse('host')));
  app.use('/ui/*', sameOrigin(refuse('origin')));
  if (keys.areAsked) app.use('/ui/*', askedForKey(keys, unread));
  app.use('/ui/*', bounded(options));
  app.route('/', loginRoutes(keys));
  app.get('/ui/', (c) => c.redirect('/ui', 301));
  app.route('/', ui);
  app.all('/ui/*', (c) => {
    readOn(c.env?.incoming, unread);
    const message = `no such page, or not for ${c.req.method}; all begins at /ui`;
    return c.json(errorBody({ reason: 'not_found', message }), 404);
  });
  return app;
}

/** Asks for a key, but for what the form needs that asks for it. */
function askedForKey(keys: OpsKeys, unread: UnreadLimits): MiddlewareHandler<BridgeEnv> {
  const ask = keys.asked('ui', (c, reason) => {
    readOn(c.env?.incoming, unread);
    const { pathname, search } = new URL(c.req.url);
    if (c.req.header('accept')?.includes('text/html') === true) {
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

/** Reads bodies within bounds, for routes that read them by hono's own methods. */
function bounded({ keys, unread }: PageOptions): MiddlewareHandler<BridgeEnv> {
  const reading = (maxBytes: number, largestAtOnce: number) =>
    readBody(new BodyReader({ maxBytes, largestAtOnce, timeoutMs: unread.timeoutMs }), {
      acceptsGzip: false,
      messages: {
        too_large: `send at most ${maxBytes / 1024} KB`,
        overloaded: 'too many large forms come in at once; try again',
        content_encoding: 'send the body uncompressed',
      },
      refuse: (c, { status, reason, message }) =>
        c.json(errorBody({ reason: keys.counted(reason), message }), status),
      refuseEarly(c, { status, reason, message }) {
        readOn(c.env?.incoming, unread);
        return c.json(errorBody({ reason: keys.counted(reason), message }), status);
      },
    });
  const [login, form] = [reading(MAX_LOGIN_BYTES, 32), reading(MAX_FORM_BYTES, 2)];
  return (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') {
      readOn(c.env?.incoming, unread);
      return next();
    }
    const isLogin = c.req.path === LOGIN_PATH || c.req.path === LOGOUT_PATH;
    return (isLogin ? login : form)(c, () => {
      const bytes = new Uint8Array(c.get('body').bytes());
      // From there its methods read it
      Object.assign(c.req.bodyCache, { arrayBuffer: Promise.resolve(bytes.buffer) });
      return next();
    });
  };
}
