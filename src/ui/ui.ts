import { type Context, Hono } from 'hono';
import { readBody } from '../http/middleware/body.ts';
import { BodyReader } from '../http/middleware/body-reader.ts';
import type { BridgeContext, BridgeEnv, Refuse } from '../http/refusal.ts';
import { askedFilter, queryOf } from './asked-filter.ts';
import { findAsset } from './assets.ts';
import { liveRowOf } from './decision-ring.ts';
import { EventStreams, MAX_LISTENERS } from './event-streams.ts';
import { known } from './known.ts';
import { type Layout, type PageStatus, pageResponse } from './layout.ts';
import { countText } from './markup.ts';
import type { KeptList, PageSource } from './page-source.ts';
import {
  EMPTY_FORM,
  MAX_FORM_BYTES,
  MAX_PASTE_TEXT,
  type PastedForm,
  pastedForm,
  pastedOf,
} from './pasted-form.ts';
import { decisionsMarkup, liveQuery, MAX_ROWS } from './views/decisions.ts';
import { errorView, recordsView, settingsView, storyView } from './views/others.ts';
import { type PlaygroundView, playgroundMarkup } from './views/playground.ts';
import { type PoliciesView, policiesMarkup } from './views/policies.ts';

export type UiOptions = {
  readonly source: PageSource;
  readonly isDraining: () => boolean;
  /** Milliseconds in which a form has to arrive. */
  readonly bodyTimeoutMs: number;
  /** Told of a page that could not be made. */
  readonly onError: (error: Error) => void;
  readonly now?: () => number;
};

const DAYS = 7;
/** A page waits for them that long; they are there for the next one. */
const COUNT_LIMIT_MS = 2000;
const COUNTING =
  'it is being counted, or no decisions are kept (DECISIONS_DAYS): load the page again in a moment';
const NO_ROWS: KeptList = { rows: [] };
const NONE_KEPT = 'no decisions are kept (DECISIONS_DAYS), or they could not be read in time';

/** All that stands below `/ui`. Who may come, and headers of security, are decided in front of it. */
export function createUi(options: UiOptions): Hono<BridgeEnv> {
  const { source, isDraining, bodyTimeoutMs, onError, now = Date.now } = options;
  const ui = new Hono<BridgeEnv>();
  const streams = new EventStreams({ source, isDraining, onError });
  const counts = () => known(() => source.counts(DAYS), COUNTING, COUNT_LIMIT_MS);
  const picture = () => known(() => source.picture());
  // None is an answer too
  const policyText = () => known(async () => ({ text: await source.policyText() }));

  const show = (c: Context, layout: Omit<Layout, 'now'>, status: PageStatus = 200) =>
    pageResponse(c, { ...layout, now: now() }, status);
  const fail = (c: Context, status: PageStatus, title: string, text: string) =>
    show(c, { title, body: errorView(title, text) }, status);

  ui.get('/ui', async (c) => {
    const asked = askedFilter((name) => c.req.query(name), now());
    const isFiltered = asked.words.size > 0;
    const [seen, live, kept, counted] = await Promise.all([
      picture(),
      known(() => source.decisions(0)),
      isFiltered && asked.mistakes.length === 0
        ? known(() => source.list(asked.filter, MAX_ROWS), NONE_KEPT)
        : { value: NO_ROWS },
      counts(),
    ]);
    const last = 'value' in live ? live.value.last : 0;
    const newestFirst =
      'value' in live ? { value: { last, shown: live.value.decisions.toReversed() } } : live;
    const asKept =
      'value' in kept ? { value: { last, shown: kept.value.rows.map(liveRowOf), gaps: kept.value } } : kept;
    const view = {
      ...{ picture: seen, asked, now: now() },
      decisions: isFiltered ? asKept : newestFirst,
      counts: counted,
    };
    const layout = { title: 'Decisions', view: 'Decisions', picture: seen } as const;
    const status = asked.mistakes.length > 0 ? 400 : 200;
    return show(c, { ...layout, body: decisionsMarkup(view), live: liveQuery(view) }, status);
  });

  const policies = async (c: Context, linted?: PoliciesView['linted']) => {
    const [seen, text, counted] = await Promise.all([picture(), policyText(), counts()]);
    const body = policiesMarkup({ picture: seen, text, counts: counted, linted, now: now() });
    return show(c, { title: 'Policies', view: 'Policies', picture: seen, body });
  };
  ui.get('/ui/policies', (c) => policies(c));
  ui.get('/ui/', (c) => c.redirect('/ui', 301));
  ui.get('/ui/lint', (c) => c.redirect('/ui/policies', 303));

  const playground = async (c: Context, form: PastedForm, judged?: PlaygroundView['judged']) => {
    const [seen, text] = await Promise.all([picture(), policyText()]);
    const body = playgroundMarkup({ picture: seen, form, judged, text });
    return show(c, { title: 'Playground', view: 'Playground', picture: seen, body });
  };
  ui.get('/ui/playground', (c) => playground(c, EMPTY_FORM));

  ui.get('/ui/records', async (c) => {
    const seen = await picture();
    return show(c, {
      ...{ title: 'Records', view: 'Records', picture: seen, live: queryOf([['after', 'none']]) },
      body: recordsView(seen),
    });
  });

  ui.get('/ui/settings', async (c) => {
    const [seen, settings] = await Promise.all([picture(), known(() => source.settings())]);
    return show(c, {
      ...{ title: 'Settings', view: 'Settings', picture: seen },
      body: settingsView(settings, seen),
    });
  });

  ui.get('/ui/call', async (c) => {
    const word = (c.req.query('word') ?? '').slice(0, MAX_WORD).trim();
    const [seen, story] = await Promise.all([
      picture(),
      word === '' ? undefined : known(async () => ({ story: await source.story(word) })),
    ]);
    const isMissing = story !== undefined && 'value' in story && story.value.story === undefined;
    return show(
      c,
      { title: 'Story of a call', picture: seen, word, body: storyView(word, story, now()) },
      isMissing ? 404 : 200,
    );
  });

  ui.get('/ui/events', (c) => {
    if (c.req.method === 'HEAD') return c.body(null, 200, EVENT_HEADERS);
    if (isDraining()) return c.text('this bridge is ending\n', 503);
    if (streams.isFull) {
      const text = `${MAX_LISTENERS} pages are open already: close one, or come again in a moment\n`;
      return c.text(text, 503, { 'retry-after': '10' });
    }
    const asked = askedFilter((name) => c.req.query(name), now());
    const incoming = c.env?.incoming;
    const body = streams.open({
      asked,
      after: afterOf(c.req.header('last-event-id') ?? c.req.query('after')),
      cut: incoming && (() => incoming.socket.destroy()),
    });
    return c.body(body, 200, EVENT_HEADERS);
  });

  ui.get('/ui/assets/:version/:name', (c) => {
    const asset = findAsset(c.req.param('version'), c.req.param('name'));
    if (asset === undefined) return fail(c, 404, 'Not found', 'There is no such file.');
    const keep = asset.isThatVersion ? 'public, max-age=31536000, immutable' : 'no-store';
    return c.body(asset.bytes, 200, { 'content-type': asset.type, 'cache-control': keep });
  });

  const refuse: Refuse = (c, { status, message }) =>
    fail(c, status as PageStatus, 'Not taken', `${message}.`);
  const reader = new BodyReader({ maxBytes: MAX_FORM_BYTES, largestAtOnce: 2, timeoutMs: bodyTimeoutMs });
  const tooLong = `write at most ${countText(MAX_PASTE_TEXT, 'character')}`;
  const messages = {
    too_large: tooLong,
    overloaded: 'others are being read: send it again',
    content_encoding: 'send it uncompressed',
  };
  const readForm = readBody(reader, { acceptsGzip: false, messages, refuse, refuseEarly: refuse });
  const posted = (
    path: string,
    names: readonly string[],
    answer: (c: BridgeContext, fields: URLSearchParams) => Promise<Response>,
  ) =>
    ui.post(path, readForm, (c) => {
      const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
      if (type !== FORM_TYPE) return fail(c, 415, 'Not taken', `Send a form, as ${FORM_TYPE}.`);
      const fields = new URLSearchParams(c.get('body').bytes().toString());
      const isLong = names.some(
        (name) => (fields.get(name) ?? '').replaceAll('\r\n', '\n').length > MAX_PASTE_TEXT,
      );
      return isLong ? fail(c, 413, 'Not taken', `${tooLong}.`) : answer(c, fields);
    });
  posted('/ui/lint', ['policies'], async (c, fields) => {
    const text = (fields.get('policies') ?? '').replaceAll('\r\n', '\n');
    return policies(c, { text, problems: await known(() => source.lint(text)) });
  });
  posted('/ui/playground', ['text', 'policies'], async (c, fields) => {
    const form = pastedForm(fields);
    return playground(c, form, await known(() => source.judge(pastedOf(form))));
  });

  const isKnown = (path: string) => PATHS.has(path);
  ui.all('/ui/*', (c) =>
    isKnown(c.req.path)
      ? fail(c, 405, 'Not taken', 'Load this page with a GET.')
      : fail(c, 404, 'Not found', 'There is no such page.'),
  );
  ui.onError((error, c) => {
    onError(error);
    return fail(
      c,
      500,
      'This page failed',
      'The bridge could not make this page: see its log. Calls are judged as before.',
    );
  });
  return ui;
}

const EVENT_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};
const FORM_TYPE = 'application/x-www-form-urlencoded';
/** A message that has a reference. */
const MAX_WORD = 4096;
const PATHS = new Set([
  '/ui',
  '/ui/policies',
  '/ui/playground',
  '/ui/records',
  '/ui/settings',
  '/ui/call',
  '/ui/events',
  '/ui/lint',
]);

/** The number of the last decision that a page has; all that are kept for one that has none, or a wrong one. */
function afterOf(text: string | undefined): number | undefined {
  if (text === 'none') return undefined;
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : 0;
}
