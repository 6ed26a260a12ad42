import { Hono } from 'hono';
import type { KeyRefusal, OpsKeys } from '../http/ops-keys.ts';
import type { BridgeContext, BridgeEnv } from '../http/refusal.ts';
import { pageResponse } from './layout.ts';
import { html } from './markup.ts';

export const LOGIN_PATH = '/ui/login';
export const LOGOUT_PATH = '/ui/logout';
const HOME = '/ui';
const MAX_NEXT_CHARS = 2000;

const MESSAGES = {
  no_key: undefined,
  wrong_key: 'This key is not known here.',
  crowded: 'Too many wrong keys come in at once. Wait a moment, and try again.',
} as const satisfies Record<KeyRefusal, string | undefined>;

/** The path of a page of ours, where a text names one; else that where all begins. It leads nowhere else, whoever wrote it. */
export function pathWithin(text: string | undefined): string {
  const url =
    text === undefined || text.length > MAX_NEXT_CHARS ? null : URL.parse(text, 'http://page.invalid');
  if (url === null || url.origin !== 'http://page.invalid') return HOME;
  const { pathname, search } = url;
  const isPage = pathname === HOME || pathname.startsWith(`${HOME}/`);
  return isPage && pathname !== LOGIN_PATH && pathname !== LOGOUT_PATH ? pathname + search : HOME;
}

/** The form that asks for a key, in place of the page that somebody wanted. */
export function loginForm(c: BridgeContext, keys: OpsKeys, reason: KeyRefusal, next: string): Response {
  const message = MESSAGES[reason];
  const body = html`<h1>Key</h1>
<form class="login" method="post" action="${LOGIN_PATH}">
<input type="hidden" name="next" value="${next}">
<label for="key">One of ${keys.setting}</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus aria-describedby="${message === undefined ? '' : 'problem '}kept">
${message === undefined ? '' : html`<p id="problem" class="problem" role="alert">${message}</p>`}
<p id="kept">A cookie opens the page for 12 hours; the key is not in it.</p>
<button>Open the page</button>
</form>`;
  const layout = { title: 'Key', isLocked: true, body, now: Date.now() };
  const response = pageResponse(c, layout, reason === 'crowded' ? 429 : 401);
  // Browsers keep the cookie back on the way from a link elsewhere. A page that comes again by itself has it
  const cameByLink = c.req.method === 'GET' && c.req.header('sec-fetch-site') === 'cross-site';
  if (cameByLink) response.headers.set('refresh', '0');
  return response;
}

/** `/ui/login` and `/ui/logout`. */
export function loginRoutes(keys: OpsKeys): Hono<BridgeEnv> {
  const app = new Hono<BridgeEnv>();
  app.get(LOGIN_PATH, async (c) => {
    const next = pathWithin(c.req.query('next'));
    const refusal = await keys.refusalOf(c, 'login');
    return refusal === undefined ? c.redirect(next, 303) : loginForm(c, keys, refusal, next);
  });
  app.post(LOGIN_PATH, async (c) => {
    const fields = new URLSearchParams(c.get('body').bytes().toString());
    const next = pathWithin(fields.get('next') ?? undefined);
    if (!keys.areAsked) return c.redirect(next, 303);
    const refusal = await keys.open(c, (fields.get('key') ?? '').trim());
    return refusal === undefined ? c.redirect(next, 303) : loginForm(c, keys, refusal, next);
  });
  app.post(LOGOUT_PATH, (c) => {
    keys.close(c);
    return c.redirect(LOGIN_PATH, 303);
  });
  return app;
}
