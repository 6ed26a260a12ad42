import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { DecisionRing } from '../../src/ui/decision-ring.ts';
import { MAX_LISTENERS } from '../../src/ui/event-streams.ts';
import type { LiveDecision, PageSource } from '../../src/ui/page-source.ts';
import { blocked, row } from '../support/decisions.ts';
import { fakeSource, picture, servedUi } from '../support/page-source.ts';

const REF = '549861e136ee05f5';

type SentEvent = { readonly event: string; readonly id: string | undefined; readonly data: string };

/** A page that is open. It is closed at the end. */
async function listen(url: string, path = '/ui/events', headers: Record<string, string> = {}) {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(url + path, { headers, signal: abort.signal });
  const events: SentEvent[] = [];
  let isOver = false;
  const read = async () => {
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = new Map(
          block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1) as [string, string]),
        );
        const data = fields.get('data');
        if (data !== undefined) events.push({ event: fields.get('event') ?? '', id: fields.get('id'), data });
      }
    }
  };
  const over = read()
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  const named = (name: string) => events.filter(({ event }) => event === name);
  return {
    ...{ response, events, named, over },
    close: () => abort.abort(),
    isOver: () => isOver,
    decisions: () => named('decisions').flatMap(({ data }) => JSON.parse(data) as LiveDecision[]),
  };
}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 8000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function ringSource(changes: Partial<PageSource> = {}) {
  const ring = new DecisionRing();
  const source = fakeSource({ decisions: async (after) => ring.after(after), ...changes });
  return { ring, source };
}

test('a page is told each decision once, with reference, call id and number, and goes on where it was', async () => {
  const { ring, source } = ringSource();
  const url = await servedUi(source);
  ring.decided(row({ litellm_call_id: 'first' }));
  const page = await listen(url);
  expect(page.response.headers.get('content-type')).toBe('text/event-stream');
  expect(page.response.headers.get('cache-control')).toBe('no-store');
  await until(() => page.decisions().length === 1);
  ring.decided(blocked(REF, { litellm_call_id: 'second' }));
  ring.decided(row({ litellm_call_id: 'third' }));
  await until(() => page.decisions().length === 3);
  expect(page.decisions().map(({ seq, ref, litellm_call_id: id }) => [seq, ref, id])).toEqual([
    [1, null, 'first'],
    [2, REF, 'second'],
    [3, null, 'third'],
  ]);
  expect(page.named('decisions').at(-1)?.id).toBe('3');
  page.close();

  ring.decided(row({ litellm_call_id: 'fourth' }));
  for (const [path, headers] of [
    ['/ui/events', { 'last-event-id': '3' }],
    ['/ui/events?after=3', {}],
  ] as const) {
    const back = await listen(url, path, headers);
    await until(() => back.decisions().length > 0);
    expect(back.decisions().map(({ litellm_call_id: id }) => id)).toEqual(['fourth']);
  }
});

test('who comes later sees the last 200, and how many are missing; after a new start all that there are', async () => {
  const { ring, source } = ringSource();
  for (let n = 1; n <= 300; n++) ring.decided(row({ ms: n }));
  const url = await servedUi(source);
  const late = await listen(url, '/ui/events', { 'last-event-id': '50' });
  await until(() => late.decisions().length > 0);
  expect(late.decisions().map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, i) => i + 101));
  expect(late.named('missed').map(({ data }) => data)).toEqual(['{"missed":50}']);
  const ofBefore = await listen(url, '/ui/events', { 'last-event-id': '9000' });
  await until(() => ofBefore.decisions().length === 200);
});

test('200 decisions a second come as one update each quarter of a second, however many pages are open', async () => {
  const { ring, source } = ringSource();
  let reads = 0;
  const url = await servedUi({
    ...source,
    decisions: (after) => {
      reads++;
      return source.decisions(after);
    },
  });
  const pages = await Promise.all([listen(url), listen(url), listen(url)]);
  await until(() => pages.every((page) => page.named('picture').length > 0));
  const [before, from] = [reads, performance.now()];
  const timer = setInterval(() => ring.decided(row()), 5);
  await until(() => (pages[0]?.named('decisions').length ?? 0) >= 4);
  clearInterval(timer);
  const ticks = Math.ceil((performance.now() - from) / 250) + 1;
  expect(reads - before).toBeLessThanOrEqual(ticks + 2);
  for (const page of pages) expect(page.named('decisions').length).toBeLessThanOrEqual(ticks);
});

test('a filter holds for the stream too', async () => {
  const { ring, source } = ringSource();
  const url = await servedUi(source);
  const observing = {
    kind: 'pii',
    enforced: false,
    verdict: 'redact',
    reason_code: 'pii',
    rules: [],
  } as const;
  const failing = { backend: 'akto', mode: 'enforce', result: 'timeout', ms: 1 } as never;
  ring.decided(row({ ms: 1 }));
  ring.decided(blocked(REF, { ms: 2, team: 'search' }));
  ring.decided(row({ ms: 3, policies: [observing] }));
  ring.decided(row({ ms: 4, backends: [failing], model: 'other' }));
  const told = async (query: string) => {
    const page = await listen(url, `/ui/events?${query}`);
    await until(() => page.decisions().length > 0);
    page.close();
    return page.decisions().map(({ ms }) => ms);
  };
  const expected = {
    'verdict=block': [2],
    'verdict=observed': [3],
    'verdict=unjudged': [4],
    'verdict=allow': [1, 3, 4],
    'team=search': [2],
    'model=other': [4],
    'policy=secrets': [2],
    'policy=pii': [3],
    'backend=akto&team=payments&key=nightly': [4],
  };
  const found = await Promise.all(Object.keys(expected).map(async (query) => [query, await told(query)]));
  expect(Object.fromEntries(found)).toEqual(expected);
});

test('the picture comes whole at first and then as what has changed; why it is not known stands in its boxes', async () => {
  let state: 'well' | 'bypassing' | 'gone' = 'well';
  const at = Date.now();
  const url = await servedUi(
    fakeSource({
      async picture() {
        if (state === 'gone') throw new Error('the primary does not answer');
        return picture({ at, ...(state === 'bypassing' && { lastBypassAt: at - 1000 }) });
      },
    }),
  );
  const page = await listen(url);
  const last = () => JSON.parse(page.named('picture').at(-1)?.data ?? '{}');
  await until(() => page.named('picture').length === 1);
  expect(Object.keys(last().parts)).toEqual([
    ...[
      'sentence',
      'figures',
      'findings',
      'totals',
      'latencies',
      'minutes',
      'backends',
      'records',
      'backlog',
    ],
    ...['policies', 'decisions-state'],
  ]);
  expect(last().minutes).toHaveLength(60);
  state = 'bypassing';
  await until(() => last().parts.figures !== undefined && last().parts.backends === undefined);
  expect(last()).toEqual({
    ...{ at, startedAt: at - 3 * 86_400_000 },
    parts: { figures: '212 decisions a minute, p50 0.3 ms, last bypass 1 s ago.' },
  });
  state = 'gone';
  await until(() => last().parts.backends?.includes('Not known now: the primary does not answer.'));
});

test('a source that cannot tell decisions is asked again, and the page says why', async () => {
  const { ring, source } = ringSource();
  let isBroken = true;
  const url = await servedUi({
    ...source,
    async decisions(after) {
      if (isBroken) throw new Error('it is being started');
      return ring.after(after);
    },
  });
  ring.decided(row());
  const page = await listen(url);
  const state = () =>
    page
      .named('picture')
      .flatMap(({ data }) => JSON.parse(data).parts['decisions-state'] ?? [])
      .at(-1);
  await until(() => state()?.includes('Not known now: it is being started.') === true);
  isBroken = false;
  await until(() => page.decisions().length === 1 && state() === '');
});

test('so many pages can be open and no more; one that goes makes room, and the source is then left alone', async () => {
  let asked = 0;
  const { source } = ringSource();
  const url = await servedUi({
    ...source,
    picture: () => {
      asked++;
      return source.picture();
    },
  });
  // A question for the head alone opens nothing
  for (let n = 0; n < 40; n++) await fetch(`${url}/ui/events`, { method: 'HEAD' });
  const pages = await Promise.all(Array.from({ length: MAX_LISTENERS }, () => listen(url)));
  expect(pages.every(({ response }) => response.status === 200)).toBe(true);
  const refused = await fetch(`${url}/ui/events`);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
  expect(await refused.text()).toContain('32 pages are open already');
  pages[0]?.close();
  await expect
    .poll(async () => {
      const abort = new AbortController();
      const { status } = await fetch(`${url}/ui/events`, { signal: abort.signal });
      abort.abort();
      return status;
    })
    .toBe(200);
  for (const page of pages) page.close();
  // Until all are seen to be gone
  let before = -1;
  await expect
    .poll(
      async () => {
        const same = before === asked;
        before = asked;
        await new Promise((resolve) => setTimeout(resolve, 1300));
        return same;
      },
      { timeout: 15_000 },
    )
    .toBe(true);
});

test('a page that does not read is cut, and nothing is kept for it', async () => {
  const { ring, source } = ringSource();
  const url = await servedUi(source);
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.write(`GET /ui/events HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`);
  await new Promise((resolve) => socket.once('readable', resolve));
  const reading = await listen(url);
  const wide = 'x'.repeat(4000);
  const timer = setInterval(() => {
    for (let n = 0; n < 200; n++) ring.decided(row({ model: wide, team: wide, key: wide }));
  }, 50);
  onTestFinished(() => clearInterval(timer));
  let isClosed = false;
  // Node tells of a closed connection only once it reads again: its other end is asked
  socket.once('close', () => {
    isClosed = true;
  });
  await until(() => reading.decisions().length > 3000);
  socket.resume();
  await closed;
  expect(isClosed).toBe(true);
  expect(reading.isOver()).toBe(false);
}, 30_000);

test('streams end when the bridge drains, and no new one begins', async () => {
  let isDraining = false;
  const url = await servedUi(fakeSource(), { isDraining: () => isDraining });
  const page = await listen(url);
  await until(() => page.named('picture').length > 0);
  isDraining = true;
  await page.over;
  const refused = await fetch(`${url}/ui/events`);
  expect(refused.status).toBe(503);
  expect(await refused.text()).toBe('this bridge is ending\n');
});
