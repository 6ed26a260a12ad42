import { Hono } from 'hono';
import { html } from 'hono/html';
import type { KeyRefusal, OpsKeys } from '../http/ops-keys.ts';
import type { BridgeContext, BridgeEnv } from '../http/refusal.ts';

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
export function loginForm(
  c: BridgeContext,
  keys: OpsKeys,
  reason: KeyRefusal,
  next: string,
): Response | Promise<Response> {
  const message = MESSAGES[reason];
  // Browsers keep the cookie back on the way from a link elsewhere. The page that they are shown then asks again by itself
  const cameByLink = c.req.method === 'GET' && c.req.header('sec-fetch-site') === 'cross-site';
  const document = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Key · guardrail-bridge</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    ${cameByLink ? html`<meta http-equiv="refresh" content="0">` : ''}
    <link rel="icon" href="/ui/assets/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/ui/assets/page.css">
  </head>
  <body class="login">
    <main>
      <h1>guardrail-bridge</h1>
      <form method="post" action="${LOGIN_PATH}">
        <input type="hidden" name="next" value="${next}">
        <label for="key">Key</label>
        <input id="key" name="key" type="password" autocomplete="current-password" required autofocus
          aria-describedby="${message === undefined ? 'which' : 'problem which'}">
        ${message === undefined ? '' : html`<p id="problem" class="problem" role="alert">${message}</p>`}
        <p id="which">One of ${keys.setting}. It is kept for 12 hours, in a cookie that does not tell it.</p>
        <button type="submit">Open the page</button>
      </form>
    </main>
  </body>
</html>`;
  return c.html(document, reason === 'crowded' ? 429 : 401);
}

/** `/ui/login` and `/ui/logout`. */
export function loginRoutes(keys: OpsKeys): Hono<BridgeEnv> {
  const app = new Hono<BridgeEnv>();
  app.get(LOGIN_PATH, (c) => {
    const next = pathWithin(c.req.query('next'));
    const isOpen = !keys.areAsked || keys.match(c) === 'right';
    return isOpen ? c.redirect(next, 303) : loginForm(c, keys, 'no_key', next);
  });
  app.post(LOGIN_PATH, async (c) => {
    const { key, next: wanted } = await c.req.parseBody();
    const next = pathWithin(typeof wanted === 'string' ? wanted : undefined);
    if (!keys.areAsked) return c.redirect(next, 303);
    const refusal = await keys.open(c, typeof key === 'string' ? key.trim() : '');
    return refusal === undefined ? c.redirect(next, 303) : loginForm(c, keys, refusal, next);
  });
  app.post(LOGOUT_PATH, (c) => {
    keys.close(c);
    return c.redirect(LOGIN_PATH, 303);
  });
  return app;
}
