import type { Context } from 'hono';
import { assetPath } from './assets.ts';
import type { FromSource } from './known.ts';
import { clockMarkup, html, type Markup, nameMarkup } from './markup.ts';
import type { Picture } from './page-source.ts';

/** The five views, each with its address. */
const VIEWS = {
  Decisions: '/ui',
  Policies: '/ui/policies',
  Playground: '/ui/playground',
  Records: '/ui/records',
  Settings: '/ui/settings',
} as const;
export type ViewName = keyof typeof VIEWS;

export type Layout = {
  /** Before the name of the bridge, in the title of the window. */
  readonly title: string;
  /** The view that is shown; undefined for a page that is none of the five. */
  readonly view?: ViewName | undefined;
  /** Of which release and replica it is; left out where it is not asked for. */
  readonly picture?: FromSource<Picture> | undefined;
  readonly body: Markup;
  /** The word that was searched for. */
  readonly word?: string | undefined;
  /** The query with which the script keeps the page live; left out for one that is not. */
  readonly live?: string | undefined;
  /** A page before anybody has shown a key: it leads nowhere. */
  readonly isLocked?: boolean | undefined;
  /** True for a browser that can take its key away again. */
  readonly canLogOut?: boolean | undefined;
  readonly now: number;
};

/** A whole page around its body. */
export function pageMarkup({
  title,
  view,
  picture,
  body,
  word,
  live,
  isLocked = false,
  canLogOut = false,
  now,
}: Layout): Markup {
  const known = picture !== undefined && 'value' in picture ? picture.value : undefined;
  const at = known?.at ?? now;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title} · guardrail-bridge</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<link rel="icon" type="image/svg+xml" href="${assetPath('icon.svg')}">
<link rel="stylesheet" href="${assetPath('uplot.css')}">
<link rel="stylesheet" href="${assetPath('page.css')}">
${
  live === undefined
    ? ''
    : html`<script defer src="${assetPath('uplot.js')}"></script>
<script defer src="${assetPath('page.js')}"></script>`
}
</head>
<body${live === undefined ? '' : html` data-events="${`/ui/events?${live}`}" data-started="${known?.startedAt ?? ''}"`}>
<a class="skip" href="#main">Skip to the content</a>
<header>
<p class="name"><a href="/ui">guardrail-bridge</a>${known === undefined ? '' : html` ${known.release} <span class="replica">· replica ${nameMarkup(known.replica, 24)}</span>`}</p>
${isLocked ? '' : html`<p id="live" role="status">as of ${clockMarkup(at, at)}${live === undefined ? '' : html`<span class="scriptless">; load it again for what came since</span>`}</p>`}
${
  isLocked
    ? ''
    : html`<nav aria-label="Views"><ul>${Object.entries(VIEWS).map(
        ([name, path]) =>
          html`<li><a href="${path}"${name === view ? html` aria-current="page"` : ''}>${name}</a></li>`,
      )}</ul></nav>
<search><form method="get" action="/ui/call"><label class="unseen" for="word">Reference or call id</label>
<input id="word" name="word" type="search" value="${word ?? ''}" placeholder="reference or call id" maxlength="4096" autocomplete="off" autocapitalize="off" spellcheck="false"><button>Find</button></form></search>`
}
</header>
<main id="main" tabindex="-1">
${body}
</main>
<footer>
<p>Times are UTC.${isLocked ? '' : ' No content is shown that was not pasted here.'}</p>
${canLogOut ? html`<form class="log-out" method="post" action="/ui/logout"><button>Log out</button></form>` : ''}
</footer>
</body>
</html>`;
}

export type PageStatus = 200 | 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 429 | 500 | 503;

/** The response with a page, which nobody may keep. */
export function pageResponse(c: Context, layout: Layout, status: PageStatus): Response {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };
  const canLogOut = c.get('hasSession') === true;
  return c.body(String(pageMarkup({ ...layout, canLogOut })), status, headers);
}
