import { expect, test } from 'vitest';
import { DecisionRing } from '../../src/ui/decision-ring.ts';
import type { PageSource, WouldBlock } from '../../src/ui/page-source.ts';
import { blocked, row } from '../support/decisions.ts';
import { HOSTILE_NAMES, hostileRows } from '../support/hostile-rows.ts';
import { counts, fakeSource, minute, picture, servedUi } from '../support/page-source.ts';

const REF = '549861e136ee05f5';
/** A name that a client chose: markup, a quotation mark, and a character that turns the order of all after it round. */
const HOSTILE = `<script>alert(1)</script>"'\u202Ecod`;
const VIEWS = ['/ui', '/ui/policies', '/ui/playground', '/ui/records', '/ui/settings', '/ui/call?word=x'];

async function get(source: PageSource, path = '/ui') {
  const response = await fetch(`${await servedUi(source)}${path}`);
  const text = await response.text();
  return { status: response.status, text, headers: response.headers, words: wordsOf(text) };
}

/** What somebody reads: without markup, and blanks as one. */
function wordsOf(text: string): string {
  const body = text.slice(text.indexOf('<main'));
  const entities: Record<string, string> = {
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&#39;': "'",
    '&amp;': '&',
  };
  return body
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity] ?? '')
    .replace(/\s+/g, ' ');
}

function ringOf(...rows: Parameters<typeof row>[0][]): PageSource['decisions'] {
  const ring = new DecisionRing();
  for (const changes of rows) ring.decided(row(changes));
  return async (after) => ring.after(after);
}

test.each(VIEWS)(
  '%s is a whole page with landmarks, nothing inline, nothing from elsewhere, and nobody keeps it',
  async (path) => {
    const { text, headers } = await get(fakeSource(), path);
    expect(text).toMatch(/^<!doctype html>\n<html lang="en">/);
    for (const part of [
      '<header>',
      '<nav aria-label="Views">',
      '<main id="main"',
      '<footer>',
      'href="#main"',
    ])
      expect(text).toContain(part);
    expect(text.match(/<h1/g)).toHaveLength(1);
    expect(text).not.toMatch(/\sstyle=|<style|\son[a-z]+=|javascript:|<script(?! defer src="\/ui\/assets\/)/);
    for (const [, address] of text.matchAll(/\s(?:src|href|action)="([^"]*)"/g))
      expect(address).toMatch(/^[/#]/);
    expect(headers.get('cache-control')).toBe('no-store');
  },
);

test('each view but the playground says when it was made, and the five are plain links', async () => {
  const { text } = await get(fakeSource(), '/ui/records');
  const links = [...text.matchAll(/<li><a href="(\/ui[^"]*)"( aria-current="page")?>(\w+)<\/a>/g)];
  expect(links.map(([, path, current, name]) => [name, path, current !== undefined])).toEqual([
    ['Decisions', '/ui', false],
    ['Policies', '/ui/policies', false],
    ['Playground', '/ui/playground', false],
    ['Records', '/ui/records', true],
    ['Settings', '/ui/settings', false],
  ]);
  expect(text).toMatch(
    /as of <time datetime="[^"]+" title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC">\d\d:\d\d:\d\d<\/time>/,
  );
});

test('names that clients chose are text on every view, with hidden characters written out', async () => {
  const hostile = blocked(REF, { team: HOSTILE, model: HOSTILE, key: HOSTILE, user: HOSTILE });
  const top = { name: HOSTILE, decisions: 1, blocked: 1, redacted: 0, observed: 0, unjudged: 0 };
  const source = fakeSource({
    decisions: ringOf(hostile, row({ team: HOSTILE })),
    list: async () => ({ rows: [hostile] }),
    story: async () => ({
      ...{ about: hostile, others: [hostile], sentence: HOSTILE, advice: [HOSTILE] },
      facts: [['who', HOSTILE]],
    }),
    counts: async () =>
      counts({
        decisions: 1,
        wouldBlock: [
          { by: HOSTILE, team: HOSTILE, would: 'block', calls: 1, rules: [{ rule: HOSTILE, calls: 1 }] },
        ],
        tops: { policy: [top], rule: [top], team: [top] },
      }),
    settings: async () => [{ name: HOSTILE, value: HOSTILE, source: HOSTILE }],
    policyText: async () => HOSTILE,
  });
  const url = await servedUi(source);
  const word = encodeURIComponent(HOSTILE);
  for (const path of [...VIEWS, `/ui/call?word=${word}`, `/ui?team=${word}`, `/ui?verdict=${word}`]) {
    const text = await (await fetch(url + path)).text();
    expect(text).not.toContain('<script>alert');
    // But in the field that shows what was asked for
    expect(text.replace(/ value="[^"]*"/g, '')).not.toContain('\u202E');
    expect(text).not.toMatch(/="[^"]*'\\u202ecod"[^ >]/);
  }
  const { text } = await get(source);
  expect(text).toContain('&lt;script&gt;alert(1)&lt;/s…</bdi>');
  expect(text).toContain('title="&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;\\u202ecod"');
});

test('no name in any field of a decision makes a page fail, of those that happen, are kept or are told', async () => {
  const errors: Error[] = [];
  const rows = hostileRows();
  let [about] = rows;
  const source = fakeSource({
    decisions: ringOf(...rows.slice(-150)),
    list: async () => ({ rows: rows }),
    story: async () =>
      about && { about, others: rows, sentence: about.by ?? '', facts: [['', about.by ?? '']], advice: [] },
  });
  const url = await servedUi(source, { onError: (error) => errors.push(error) });
  for (const path of ['/ui', '/ui?verdict=redact']) expect((await fetch(url + path)).status).toBe(200);
  for (const name of HOSTILE_NAMES) {
    about = rows.find(({ by }) => by === name);
    const word = encodeURIComponent(name.toWellFormed());
    expect((await fetch(`${url}/ui/call?word=x${word}`)).status).toBe(200);
    expect((await fetch(`${url}/ui?team=${word}&model=${word}`)).status).toBe(200);
  }
  const page = await (await fetch(`${url}/ui?verdict=redact`)).text();
  const links = [...page.matchAll(/href="(\/ui\/call[^"]*)"/g)].map(([, path]) => path as string);
  for (const link of new Set(links)) expect((await fetch(url + link)).status).toBe(200);
  expect(errors).toEqual([]);
});

test('a long id is cut, with the whole of it in its title', async () => {
  const id = 'f'.repeat(200);
  const { text } = await get(fakeSource({ decisions: ringOf({ litellm_call_id: id }) }));
  expect(text).toContain(`<bdi title="${id}">${'f'.repeat(15)}…</bdi>`);
});

test('the decisions: newest first, a run of allowed ones is one row with its number, each leads to its story', async () => {
  const decisions = ringOf(
    ...[{ ms: 1 }, { ms: 2 }, { ms: 3, team: 'search' }],
    blocked(REF),
    ...[{ ms: 4 }, { ms: 5 }],
    row({
      policies: [{ kind: 'pii', enforced: false, verdict: 'redact', reason_code: 'pii', rules: ['email'] }],
    }),
    row({ backends: [{ backend: 'akto', mode: 'enforce', result: 'timeout', ms: 1 } as never] }),
    row({
      ...{ verdict: 'redact', by: 'pii', ms: 7 },
      backends: [{ backend: 'akto', mode: 'enforce', result: 'timeout', ms: 1 } as never],
    }),
    { ms: 6, litellm_call_id: 'the newest' },
  );
  const { text } = await get(fakeSource({ decisions }));
  const rows = [...text.matchAll(/<tr class="[^"]*" data-count[\s\S]*?<\/tr>/g)].map(([one]) => one);
  expect(rows.map((one) => wordsOf(`<main>${one.replace(/<time[^>]*>[\d:]+<\/time>/, '')}`).trim())).toEqual([
    'allowed payments nightly gpt-5 6.0 ms the newest',
    '! bypassed redacted by pii; without akto payments nightly gpt-5 7.0 ms call-1',
    '! bypassed without akto payments nightly gpt-5 1.5 ms call-1',
    'allowed pii would redact · email payments nightly gpt-5 1.5 ms call-1',
    'allowed (2) payments',
    `BLOCKED secrets · aws-key payments nightly gpt-5 1.5 ms ${REF}`,
    'allowed (3) several',
  ]);
  expect(rows[5]).toContain(`href="/ui/call?word=${REF}"`);
  expect(rows[0]).toContain('href="/ui/call?word=the%20newest"');
});

test('0 is shown, and what has no data says so', async () => {
  const empty = picture({
    ...{ minutes: [], decisionsAMinute: 0, p50Ms: null, p99Ms: null, lastBypassAt: null },
    backends: [],
    backlogs: [],
    policies: undefined,
  });
  const { words } = await get(fakeSource({ picture: async () => empty }));
  expect(words).toContain('All well. 0 decisions a minute, no bypass since the start 3 days ago.');
  expect(words).toContain('allowed 0 redacted 0 blocked 0 bypassed 0 undecided 0');
  expect(words).toContain('p50 no call in the last minute p99 no call in the last minute');
  expect(words).toContain('No data yet: the first minute is not over.');
  expect(words).toContain('No data yet: no call was judged since the start.');
  expect(words).toContain('No data yet: no decision is kept of these days.');
  expect(words).toContain('No backend is asked');
  expect(words).toContain('No backend takes records.');
});

test('a question that nobody answers shows in its own box why, and the others show what they know', async () => {
  const never = async (): Promise<never> => {
    throw new Error('the thread that looks up is busy');
  };
  const { status, words } = await get(fakeSource({ counts: never, decisions: async () => undefined }));
  expect(status).toBe(200);
  expect(words).toContain(
    'Would block or redact, last 7 days ○ Not known now: the thread that looks up is busy.',
  );
  expect(words).toContain('○ Not known now: nobody answered in time.');
  expect(words).toContain('akto ● up 4.0 ms 12,480 0');

  const unknown = await get(fakeSource({ picture: never }));
  expect(unknown.status).toBe(200);
  expect(unknown.words).toContain('Backends ○ Not known now: the thread that looks up is busy.');
});

test.each(VIEWS)('%s stands where its source answers nothing at all', async (path) => {
  const broken = new Proxy(fakeSource(), {
    get: () => () => Promise.reject(new Error('it is gone')),
  });
  const { status, text, words } = await get(broken, path);
  expect(status).toBe(200);
  expect(text).toContain('</html>');
  if (path !== '/ui/playground') expect(words).toContain('Not known now: it is gone.');
});

test('backends, records and would-block tell word, sign, numbers, times and what is behind them', async () => {
  const at = Date.now();
  const seen = picture({
    at,
    backends: [
      {
        ...{
          name: 'capsule',
          mode: 'shadow',
          breaker: 'half_open',
          isRefused: false,
          failing: 'http_status',
        },
        ...{ checks: 80, failures: 77, p50Ms: null },
        lastFailure: { kind: 'http_status', status: 503, at: at - 12_000 },
      },
    ],
    backlogs: [
      {
        ...{ backend: 'capsule', due: 77, oldestAt: at - 40_000, nextTryAt: at + 12_500 },
        ...{ reason: 'HTTP 503', dead: 2, deadBy: { 'HTTP 413': 2 } },
      },
    ],
    minutes: [minute(at - 60_000, { bypassed: 31 }), minute(at)],
  });
  const rows: WouldBlock[] = [
    {
      ...{ by: 'prompt-injection', team: 'payments', would: 'block', calls: 3 },
      rules: [
        { rule: 'prompt-extraction', calls: 3 },
        { rule: 'override-everything', calls: 1 },
      ],
    },
    { by: 'capsule', team: null, would: 'redact', calls: 1, rules: [] },
  ];
  const source = fakeSource({
    picture: async () => seen,
    counts: async () => counts({ wouldBlock: rows, decisions: 8100 }),
  });
  const { text, words } = await get(source);
  expect(words).toContain(
    'capsule shadow ◐ half open: the next call tries it last error: HTTP 503, 12 s ago – 80 77',
  );
  expect(words).toContain(
    'capsule 77 due, oldest 40 s , next try in 12 s , ! 2 dead waits: HTTP 503 dead: HTTP 413 (2)',
  );
  expect(words).toContain('allowed 400 redacted 0 blocked 0 bypassed 31 undecided 0');
  expect(words).toContain(
    'prompt-injection prompt-extraction 3, override-everything 1 payments block 3 0.04 %',
  );
  expect(text).toContain(
    'href="/ui?verdict=observed&amp;policy=prompt-injection&amp;team=payments&amp;since=7d#decisions-title"',
  );
  expect(text).toContain('href="/ui?verdict=observed&amp;backend=capsule&amp;since=7d#decisions-title"');

  const records = await get(source, '/ui/records');
  expect(records.words).toContain('capsule 77 40 s in 12 s 2 HTTP 503');
  expect(records.words).toContain('capsule HTTP 413 2');
});

test('findings are a line each, with what to do and a command', async () => {
  const seen = picture({
    findings: [
      {
        code: 'post_call_missing',
        message: 'requests are judged, and LiteLLM never asks about their responses',
        advice: 'add post_call to the mode of the guardrail',
        paste: 'mode: [pre_call, post_call]',
        since: '2026-11-27T20:14:03.000Z',
      },
    ],
  });
  const { words } = await get(fakeSource({ picture: async () => seen }));
  expect(words).toMatch(
    /! Fault: requests are judged, and LiteLLM never asks about their responses \(since .*20:14(?::03)? \)\. Add post_call to the mode of the guardrail\. \S.* doctor Lines to paste mode: \[pre_call, post_call\]/,
  );
});

test('a filter works without a script, over decisions that are kept; what cannot be read of it is told', async () => {
  const asked: unknown[] = [];
  const source = fakeSource({
    async list(filter, limit) {
      asked.push([filter.verdict, filter.team, filter.policy, filter.since !== undefined, limit]);
      return {
        rows: [blocked(REF)],
        since: Date.parse('2026-01-02T20:14:00Z'),
        partial: 'only what is in ./data',
      };
    },
  });
  const { text, words } = await get(source, '/ui?verdict=block&team=payments&policy=&since=7d');
  expect(asked).toEqual([['block', 'payments', undefined, true, 200]]);
  expect(words).toContain('team payments , verdict block , since 7d');
  expect(words).toMatch(/Searched back to .*20:14(?::00)?.*, as there are many decisions/);
  expect(words).toContain('Found is only what is in ./data.');
  expect(words).toContain(`BLOCKED secrets · aws-key payments`);
  expect(text).toContain('<option value="block" selected>');
  expect(text).toContain('data-events="/ui/events?team=payments&amp;verdict=block&amp;since=7d&amp;after=0"');

  const byUser = await get(source, '/ui?user=ada');
  expect(byUser.words).toContain('user ada . They are not live.');
  expect(byUser.text).not.toContain('data-events');

  const wrong = await get(source, '/ui?verdict=deny&since=yesterday');
  expect(wrong.status).toBe(400);
  expect(wrong.words).toContain('“deny” is no verdict: write block, redact,');
  expect(wrong.words).toContain('“yesterday” is no time: write a span like 90m, 24h or 7d');
});

test('the search leads to the story of a call, or says that there is none', async () => {
  const words: string[] = [];
  const source = fakeSource({
    async story(word) {
      words.push(word);
      if (word !== REF) return undefined;
      return {
        ...{ about: blocked(REF), others: [row({ input_type: 'response' })] },
        sentence: 'Blocked by the policy secrets.',
        facts: [
          ['reference', REF],
          ['policies', 'secrets: blocks'],
          ['', 'pii: allows'],
        ],
        advice: ['leave the message out'],
      };
    },
  });
  const found = await get(source, `/ui/call?word=%20${REF}%20`);
  expect(found.status).toBe(200);
  expect(found.words).toContain('Blocked by the policy secrets.');
  expect(found.words).toContain('If such calls should pass leave the message out');
  expect(found.text).toContain('<dt>policies</dt><dd>secrets: blocks</dd><dd>pii: allows</dd>');
  const unknown = await get(source, '/ui/call?word=unknown');
  expect(unknown.status).toBe(404);
  expect(unknown.words).toContain('No decision is called unknown .');
  expect((await get(source, '/ui/call')).words).toContain('Write a reference, a call id, or a message');
  expect(words).toEqual([REF, 'unknown']);
});

test.each(['/ui', '/ui/policies'])(
  '%s says since when it has counted, where there are too many',
  async (path) => {
    const at = Date.now();
    const counted = async () => counts({ decisions: 8100, since: at - 3600_000, at: at - 30_000 });
    const all = await get(
      fakeSource({ counts: async () => counts({ decisions: 8100, at: at - 30_000 }) }),
      path,
    );
    expect(all.words).toMatch(/Of 8,100 decisions, counted 30 s ago/);
    expect((await get(fakeSource({ counts: counted }), path)).words).toMatch(
      /Of 8,100 decisions since .*: there are too many to count all of these days, counted 30 s ago/,
    );
  },
);

test('files of the page can be kept for ever, under an address that changes with them', async () => {
  const url = await servedUi(fakeSource());
  const page = await (await fetch(`${url}/ui`)).text();
  const paths = [...page.matchAll(/"(\/ui\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
  expect(paths.map((path) => path.split('/').at(-1))).toEqual([
    'icon.svg',
    'uplot.css',
    'page.css',
    'uplot.js',
    'page.js',
  ]);
  for (const path of paths) {
    const response = await fetch(url + path);
    expect([response.status, response.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ]);
    expect((await response.text()).length).toBeGreaterThan(100);
  }
  const old = await fetch(`${url}/ui/assets/0123/page.css`);
  expect([old.status, old.headers.get('cache-control')]).toEqual([200, 'no-store']);
  for (const path of ['/ui/assets/0123/..%2fui.ts', '/ui/assets/0123/page.ts'])
    expect((await fetch(url + path)).status).toBe(404);
});

test('what is not there, taken or made is a page too', async () => {
  const errors: string[] = [];
  const source = fakeSource({
    // Breaks where nobody expects it
    picture: async () => ({ ...picture(), backends: undefined }) as never,
  });
  const url = await servedUi(source, { onError: (error) => errors.push(error.name) });
  const responses = await Promise.all([
    fetch(`${url}/ui/nothing/here`),
    fetch(`${url}/ui/records`, { method: 'DELETE' }),
    fetch(`${url}/ui`),
  ]);
  expect(responses.map(({ status }) => status)).toEqual([404, 405, 500]);
  for (const response of responses) {
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<nav aria-label="Views">');
  }
  expect(errors).toEqual(['TypeError']);
});
