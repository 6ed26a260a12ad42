import { expect, test } from 'vitest';
import type { JudgedPaste, Pasted } from '../../src/ui/page-source.ts';
import { MAX_FORM_BYTES, MAX_PASTE_TEXT } from '../../src/ui/pasted-form.ts';
import { fakeSource, servedUi } from '../support/page-source.ts';

const CANARY = 'kestrel-7731-canary';

async function post(url: string, path: string, fields: Record<string, string>, init: RequestInit = {}) {
  const response = await fetch(url + path, { method: 'POST', body: new URLSearchParams(fields), ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** What stands in the result, before the policies. */
const resultOf = (text: string) => text.slice(text.indexOf('id="result"'), text.indexOf('chain-title'));

const JUDGED: JudgedPaste = {
  ...{ verdict: 'block', callerRule: 'default' },
  policies: [
    {
      ...{ kind: 'secrets', enforced: true, verdict: 'block', reasonCode: 'secret_detected' },
      rules: ['aws-access-key'],
    },
    { kind: 'pii', enforced: false, verdict: 'redact', reasonCode: 'pii_detected', rules: [] },
    { kind: 'keywords', enforced: true, verdict: 'allow', reasonCode: 'none', rules: [] },
  ],
  texts: ['a <b>key</b> and more\u200b', 'second'],
  spans: [
    { text: 0, start: 5, end: 8, policy: 'secrets', rule: 'aws-access-key' },
    { text: 0, start: 7, end: 16, policy: 'pii', rule: '<name>' },
    { text: 0, start: 400, end: 900, policy: 'secrets', rule: 'beyond' },
  ],
  reply: { action: 'BLOCKED', blocked_reason: '</pre><script>' },
};

test('the playground shows verdicts, spans with policy and rule in words, those that overlap too, and the reply', async () => {
  const asked: Pasted[] = [];
  const url = await servedUi(
    fakeSource({
      async judge(pasted) {
        asked.push(pasted);
        return JUDGED;
      },
      policyText: async () => 'policy:\n  secrets: {}\n',
    }),
  );
  const fields = {
    text: 'one\r\ntwo',
    side: 'response',
    streamed: '1',
    team: ' payments ',
    model: '',
    policies: ' \r\n',
  };
  const { status, text, headers } = await post(url, '/ui/playground', fields);
  expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(asked).toEqual([
    {
      text: 'one\ntwo',
      isResponse: true,
      isStreamed: true,
      team: 'payments',
      model: undefined,
      policies: undefined,
    },
  ]);
  const result = resultOf(text);
  const marks = [
    ...result.matchAll(/<mark title="([^"]*)">([^<]*)<\/mark>((?:<small class="by">[^<]*<\/small>)*)/g),
  ];
  expect(marks.map(([, title, marked, by]) => [title, marked, by?.replace(/<[^>]*>/g, '').trim()])).toEqual([
    ['secrets · aws-access-key', 'ke', ''],
    ['secrets · aws-access-key; pii · &lt;name&gt;', 'y', ''],
    ['pii · &lt;name&gt;', '&lt;/b&gt; and', 'secrets · aws-access-key  pii · &lt;name&gt;'],
  ]);
  expect(result).toContain('a &lt;b&gt;<mark');
  expect(result).toContain(' more<span class="hidden-character">\\u200b</span>');
  expect(result).toContain('Text 2 of 2');
  expect(result).toContain('<span class="word">Blocked</span> by secrets');
  for (const words of ['>blocks</td>', '>would redact</td>', '>allows</td>', 'pii_detected'])
    expect(result).toContain(words);
  expect(result).toContain('&quot;blocked_reason&quot;: &quot;&lt;/pre&gt;&lt;script&gt;&quot;');
  expect(text).toContain('<code>  secrets: {}</code>');
  // The form has what was pasted, as it was
  expect(text).toContain('required>\none\ntwo</textarea>');
  expect(text).toMatch(/value="response" checked/);
});

test('messages and policies that cannot be read are told in the words of the source, and the form keeps them', async () => {
  const url = await servedUi(
    fakeSource({
      async judge() {
        throw new Error('line 2 of the policy file: no kind is called “secrts”');
      },
    }),
  );
  const { status, text } = await post(url, '/ui/playground', {
    text: '[{"role":',
    policies: 'policy:\n  secrts: {}',
  });
  expect(status).toBe(200);
  expect(resultOf(text)).toContain('line 2 of the policy file: no kind is called “secrts”');
  expect(text).toContain('required>\n[{&quot;role&quot;:</textarea>');
  expect(text).toContain('<tr id="yours-2"><th scope="row">2</th><td><code>  secrts: {}</code></td></tr>');
});

test('what was pasted is in that response alone', async () => {
  const url = await servedUi(
    fakeSource({
      judge: async ({ text }) => ({ ...JUDGED, texts: [text], spans: [] }),
      lint: async (text) => [{ line: 1, message: `cannot read ${text}` }],
    }),
  );
  const fields = { text: CANARY, team: CANARY, model: CANARY, policies: CANARY };
  expect((await post(url, '/ui/playground', fields)).text).toContain(CANARY);
  expect((await post(url, '/ui/lint', { policies: CANARY })).text).toContain(CANARY);
  for (const path of [
    '/ui',
    '/ui/policies',
    '/ui/playground',
    '/ui/records',
    '/ui/settings',
    '/ui/call?word=x',
  ]) {
    const response = await fetch(url + path);
    expect(await response.text()).not.toContain(CANARY);
    expect([...response.headers].join()).not.toContain(CANARY);
  }
});

test('the linter shows each problem with its line, and every line with its number', async () => {
  const linted: string[] = [];
  const url = await servedUi(
    fakeSource({
      async lint(text) {
        linted.push(text);
        return text.includes('secrts')
          ? [
              { line: 2, message: 'no kind is called <secrts>' },
              { line: null, message: 'the chain is empty' },
            ]
          : [];
      },
    }),
  );
  const wrong = await post(url, '/ui/lint', { policies: 'policy:\r\n  secrts: {}\r\n' });
  expect(linted).toEqual(['policy:\n  secrts: {}\n']);
  expect(wrong.text).toContain('<a href="#yours-2">line 2</a>: no kind is called &lt;secrts&gt;');
  expect(wrong.text).toContain('2 problems:');
  expect(wrong.text).toContain('<li>the chain is empty</li>');
  expect(wrong.text).toContain('<tr id="yours-2" class="marked"><th scope="row">2</th>');
  const right = await post(url, '/ui/lint', { policies: 'policy:\n  secrets: {}' });
  expect(right.text).toContain('No problem:');
  expect(right.text).toContain('<tr id="yours-1"><th scope="row">1</th><td><code>policy:</code></td></tr>');
});

test.each([
  [
    'a text that is too long',
    { text: 'x'.repeat(MAX_PASTE_TEXT + 1) },
    {},
    413,
    'write at most 200,000 characters',
  ],
  [
    'a body that is too large',
    { text: 'x'.repeat(MAX_FORM_BYTES) },
    {},
    413,
    'write at most 200,000 characters',
  ],
  [
    'another kind of body',
    {},
    { body: '{}', headers: { 'content-type': 'application/json' } },
    415,
    'Send a form',
  ],
  ['a compressed body', {}, { headers: { 'content-encoding': 'gzip' } }, 415, 'send it uncompressed'],
])('%s is refused by a page that says what to do', async (_, fields, init, status, words) => {
  let asked = 0;
  const url = await servedUi(
    fakeSource({
      async judge() {
        asked++;
        return JUDGED;
      },
    }),
  );
  const headers = 'headers' in init ? init.headers : {};
  const sent = { 'content-type': 'application/x-www-form-urlencoded', ...headers };
  const refused = await post(url, '/ui/playground', fields, {
    ...init,
    headers: sent as Record<string, string>,
  });
  expect(refused.status).toBe(status);
  expect(refused.text).toContain(words);
  expect(refused.text).toContain('<nav aria-label="Views">');
  expect(asked).toBe(0);
});

test('a text of the greatest length is taken, whatever it is written in', async () => {
  const lengths: number[] = [];
  const url = await servedUi(
    fakeSource({
      async judge({ text, policies }) {
        lengths.push(text.length, policies?.length ?? 0);
        return { ...JUDGED, spans: [] };
      },
    }),
  );
  const longest = '文'.repeat(MAX_PASTE_TEXT);
  expect((await post(url, '/ui/playground', { text: longest, policies: longest })).status).toBe(200);
  expect(lengths).toEqual([MAX_PASTE_TEXT, MAX_PASTE_TEXT]);
});

test('what is pasted to be slow to show is cut, and says so: the page is made by the thread that judges', async () => {
  const lines = '#\n'.repeat(MAX_PASTE_TEXT / 2);
  const span = { text: 0, policy: 'secrets', rule: 'aws' };
  const url = await servedUi(
    fakeSource({
      judge: async ({ text }) => ({
        ...JUDGED,
        texts: [text, ...Array.from({ length: 5000 }, () => 'x')],
        spans: Array.from({ length: 50_000 }, (_, i) => ({ ...span, start: i, end: i + 2 })),
      }),
      lint: async () => Array.from({ length: 5000 }, (_, i) => ({ line: i + 1, message: 'it is wrong' })),
    }),
  );
  const judged = await post(url, '/ui/playground', { text: 'y'.repeat(MAX_PASTE_TEXT), policies: lines });
  expect(judged.text).toContain('Of 50,000 spans in 5,001 texts the first 300 in 100 are shown.');
  expect(judged.text).toContain('98,000 more lines not shown.');
  const linted = await post(url, '/ui/lint', { policies: lines });
  expect(linted.text).toContain('5,000 problems:');
  expect(linted.text).toContain('The first 100 are shown.');
  expect(Math.max(judged.text.length, linted.text.length)).toBeLessThan(2_000_000);
});
