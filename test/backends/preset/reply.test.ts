import { expect, test } from 'vitest';
import { json, type Reply } from '../../support/fake-backend.ts';
import { rewritesOf } from '../../support/passages.ts';
import { askPreset } from '../../support/preset.ts';

/** A preset with these parts of `reply`. */
const preset = (reply: string, options = '{}', reads = 'texts', body = '{ text: $text }') => `
title: Acme
judges: [request]
reads: ${reads}
options: ${options}
asks: [{ path: /check, body: ${body} }]
reply: ${reply}
`;
const call = { texts: ['Mail the bill to mara@example.org'] };
const verdictOf = async (yaml: string, reply: unknown, options = {}, status = 200) =>
  (await askPreset(yaml, json(reply, status), { call, options })).verdict;
const blocked = (reason: string, categories?: string[]) => ({
  kind: 'block',
  reason,
  ...(categories && { categories }),
});
const allowed = { kind: 'allow' };
const wrongShape = (field: string) => ({ kind: 'wrong_shape', field });
const modified = (text: string) => ({ kind: 'modify', texts: { [call.texts[0] as string]: text } });

/** A verdict with its texts by the texts they replace. */
const plain = (verdict: Awaited<ReturnType<typeof verdictOf>>) =>
  verdict.kind === 'modify' ? { kind: 'modify', texts: verdict.texts && rewritesOf(verdict.texts) } : verdict;

const WORDS = preset(`
  failure: [{ /action: allow, /timeout: true }]
  block: [{ /action: block }, { /action: $absent, /is_safe: false }]
  allow: [{ /action: [allow, 'pass*'] }, { /action: $absent, /is_safe: true }]
  reason: [/explanation, /rules/*/name]`);

test.each([
  { reply: { action: 'Allow' }, expected: allowed },
  { reply: { action: 'PASSED' }, expected: allowed },
  { reply: { action: 'BLOCK', explanation: 'an attack' }, expected: blocked('an attack') },
  {
    reply: { action: 'block', explanation: '', rules: [{ name: 'PII' }, { name: 'Toxicity' }] },
    expected: blocked('PII, Toxicity'),
  },
  { reply: { action: 'block', timeout: true }, expected: blocked('blocked by acme') },
  { reply: { action: 'allow', timeout: true }, expected: { kind: 'no_verdict' } },
  { reply: { action: null, is_safe: false }, expected: blocked('blocked by acme') },
  { reply: { is_safe: true }, expected: allowed },
  { reply: { action: 'allow', is_safe: false }, expected: allowed },
  { reply: { action: 'maybe', is_safe: true }, expected: wrongShape('action') },
  { reply: { is_safe: 'true' }, expected: wrongShape('action') },
  { reply: null, expected: wrongShape('action') },
  { reply: ['allow'], expected: wrongShape('action') },
])('conditions tell a verdict from a failure: $reply', async ({ reply, expected }) => {
  expect(await verdictOf(WORDS, reply)).toEqual(expected);
});

const SCORES = (test: string) =>
  preset(
    `{ allow: [{ /scores: $present }], categories: [{ at: /scores/*, ${test}, blocks: true }] }`,
    '{ limits: { type: numbers, default: {}, about: By name. }, limit: { type: number, default: 0.5, about: For all. } }',
  );

test.each([
  { test: 'at_least: 0.5', score: 0.5, isBlocked: true },
  { test: 'above: 0.5', score: 0.5, isBlocked: false },
  { test: 'above: 0.5', score: 0.51, isBlocked: true },
  { test: 'at_least: $options.limit', score: 0.4, isBlocked: false },
  { test: 'at_least: [$options.limits, $options.limit]', score: 0.6, isBlocked: true },
  {
    test: 'at_least: [$options.limits, $options.limit]',
    score: 0.6,
    limits: { hate: 0.7 },
    isBlocked: false,
  },
  { test: 'at_least: $options.limits', score: 1, limits: { other: 0 }, isBlocked: false },
  { test: 'at_least: $options.limits', score: 0.6, limits: { HATE: 0.5 }, isBlocked: true },
  { test: 'at_least: 0', score: null, isBlocked: false },
])('a score of $score is held against "$test"', async ({ test, score, limits, isBlocked }) => {
  const verdict = await verdictOf(SCORES(test), { scores: { hate: score } }, limits ? { limits } : {});
  expect(verdict).toEqual(isBlocked ? blocked('hate', ['hate']) : allowed);
});

test('a score that is no number is a failure, not a score below', async () => {
  expect(await verdictOf(SCORES('at_least: 0.5'), { scores: { hate: '0.9' } })).toEqual(
    wrongShape('scores.*'),
  );
});

test('an option switches a condition off, and what it names is left to its own threshold', async () => {
  const yaml = preset(
    `
  block: [{ /flagged: true, unless: limits }]
  allow: [{ /flagged: [true, false] }]
  categories:
    - { at: /categories/*, is: true, except: $options.limits, blocks: true }
    - { at: /scores/*, at_least: $options.limits, blocks: true }`,
    '{ limits: { type: numbers, default: {}, about: By name. } }',
  );
  const reply = {
    flagged: true,
    categories: { hate: true, violence: false },
    scores: { hate: 0.6, violence: 0.3 },
  };
  expect(await verdictOf(yaml, reply)).toEqual(blocked('hate', ['hate']));
  expect(await verdictOf(yaml, reply, { limits: { hate: 0.9 } })).toEqual(allowed);
  expect(await verdictOf(yaml, reply, { limits: { violence: 0.2 } })).toEqual(
    blocked('violence, hate', ['violence', 'hate']),
  );
});

test.each([
  { is: "'true'", value: true },
  { is: "'0.9'", value: 0.9 },
  { is: 'Yes', value: 'yes' },
])('a word stands for a flag or a number, too: $is for $value', async ({ is, value }) => {
  const yaml = preset(`{ block: [{ /bad: ${is} }], allow: [{ /bad: $present }] }`);
  expect(await verdictOf(yaml, { bad: value })).toMatchObject({ kind: 'block' });
});

const STATUSES = preset(
  `{ statuses: [400], categories: [{ at: /flag, is: true }], block: [{ /detail: Validation failed* }], allow: [{ /passed: true }], reason: /detail }`,
);

test.each([
  {
    reply: { detail: 'Validation failed for a field' },
    status: 400,
    expected: blocked('Validation failed for a field'),
  },
  {
    reply: { detail: 'Validation failed for a field' },
    status: 404,
    expected: { kind: 'http_status', status: 404 },
  },
  { reply: { detail: 'no such guard' }, status: 400, expected: { kind: 'http_status', status: 400 } },
  {
    reply: { detail: 'Validation failed', flag: 'no' },
    status: 400,
    expected: { kind: 'http_status', status: 400 },
  },
  { reply: { passed: true }, status: 400, expected: { kind: 'http_status', status: 400 } },
  { reply: { passed: true }, status: 200, expected: allowed },
])('a status of $status can be a verdict: $reply', async ({ reply, status, expected }) => {
  expect(await verdictOf(STATUSES, reply, {}, status)).toEqual(expected);
});

const TEXT = preset(
  '{ block: [{ /ok: false }], allow: [{ /ok: true }], redact: { text: [/clean, /cleanText] } }',
);
const TOLD = preset(
  '{ allow: [{ /status: passed }], redact: { when: [{ /status: modified }], text: /content } }',
);
const INSTEAD = preset(
  `
  block: [{ /ok: false }]
  allow: [{ /ok: true }]
  categories: [{ at: /scanners/*, above: 0 }]
  redact: { text: /clean, instead_of_block: { categories: $options.redacting } }`,
  '{ redacting: { type: texts, default: [Names], about: Scanners. } }',
);

test.each([
  { yaml: TEXT, reply: { ok: true, clean: 'Mail it' }, expected: modified('Mail it') },
  { yaml: TEXT, reply: { ok: true, cleanText: 'Mail it' }, expected: modified('Mail it') },
  { yaml: TEXT, reply: { ok: true, clean: call.texts[0] }, expected: allowed },
  { yaml: TEXT, reply: { ok: true, clean: null }, expected: allowed },
  { yaml: TEXT, reply: { ok: false, clean: 'Mail it' }, expected: blocked('blocked by acme') },
  { yaml: TOLD, reply: { status: 'modified', content: 'Mail it' }, expected: modified('Mail it') },
  {
    yaml: TOLD,
    reply: { status: 'modified', content: call.texts[0] },
    expected: { kind: 'modify', texts: null },
  },
  { yaml: TOLD, reply: { status: 'modified' }, expected: { kind: 'modify', texts: null } },
  { yaml: TOLD, reply: { status: 'passed', content: 'Mail it' }, expected: allowed },
  {
    yaml: INSTEAD,
    reply: { ok: false, clean: 'Mail it', scanners: { Names: 0.7, Attack: -1 } },
    expected: modified('Mail it'),
  },
  {
    yaml: INSTEAD,
    reply: { ok: false, clean: 'Mail it', scanners: { Names: 0.7, Attack: 1 } },
    expected: blocked('Names, Attack', ['Names', 'Attack']),
  },
  {
    yaml: INSTEAD,
    reply: { ok: false, clean: 'Mail it', scanners: { Names: 0 } },
    expected: blocked('blocked by acme'),
  },
  {
    yaml: INSTEAD,
    reply: { ok: false, clean: call.texts[0], scanners: { Names: 1 } },
    expected: blocked('Names', ['Names']),
  },
])('a new text is a redaction where the reply says so: $reply', async ({ yaml, reply, expected }) => {
  expect(plain(await verdictOf(yaml, reply))).toEqual(expected);
});

test('new texts belong to the texts of the call one by one', async () => {
  const yaml = preset(
    '{ allow: [{ /action: NONE }], redact: { when: [{ /action: CHANGED }], texts: /texts } }',
    '{}',
    'conversation',
    '$guardrail_request',
  );
  const question = { call: { texts: ['plums', 'pears'], litellm_call_id: 'call-1' } };
  const asked = await askPreset(yaml, json({ action: 'CHANGED', texts: ['plums', 'p***'] }), question);
  expect(plain(asked.verdict)).toEqual({ kind: 'modify', texts: { pears: 'p***' } });
  expect(asked.bodies).toMatchObject([
    { input_type: 'request', texts: ['plums', 'pears'], litellm_call_id: 'call-1' },
  ]);
  expect(asked.bodies[0]).not.toHaveProperty('passages');
  const short = await askPreset(yaml, json({ action: 'CHANGED', texts: ['plums'] }), question);
  expect(short.verdict).toEqual(wrongShape('texts'));
});

const SPANS = (more = '') =>
  preset(
    `{ allow: [{ /ok: true }], redact: { when: [{ /ok: false }], spans: { at: /found/*, start: /start, end: /end, label: /kind, marker: '<$label>'${more} } } }`,
  );

test.each([
  { yaml: SPANS(), found: [{ start: 17, end: 33, kind: 'pii/email' }], text: 'Mail the bill to <EMAIL>' },
  { yaml: SPANS(), found: [{ start: '17', end: '33', kind: 'email' }], text: 'Mail the bill to <EMAIL>' },
  {
    yaml: SPANS(', end_is: inclusive'),
    found: [{ start: 17, end: 32, kind: 'email' }],
    text: 'Mail the bill to <EMAIL>',
  },
  {
    yaml: SPANS(),
    found: [
      { start: 17, end: 33, kind: 'email' },
      { start: 0, end: 4, kind: 'verb' },
    ],
    text: '<VERB> the bill to <EMAIL>',
  },
])('spans are replaced by their marker: $found', async ({ yaml, found, text }) => {
  expect(plain(await verdictOf(yaml, { ok: false, found }))).toEqual(modified(text));
});

test.each([
  { found: [{ start: 17, end: 99, kind: 'email' }] },
  { found: [{ start: 5, end: 5, kind: 'email' }] },
  { found: [{ start: -1, end: 5, kind: 'email' }] },
  { found: [{ end: 5, kind: 'email' }] },
  { found: [] },
])('spans that are not in the text leave nothing that could be shown: $found', async ({ found }) => {
  expect(await verdictOf(SPANS(), { ok: false, found })).toEqual({ kind: 'modify', texts: null });
});

test('places after an emoji are counted as the preset says', async () => {
  const question = { call: { texts: ['👋🏽 call mara'] } };
  const reply = (start: number, end: number) => json({ ok: false, found: [{ start, end, kind: 'name' }] });
  const points = await askPreset(SPANS(), reply(8, 12), question);
  const units = await askPreset(SPANS(', unit: utf16'), reply(10, 14), question);
  const expected = { kind: 'modify', texts: { '👋🏽 call mara': '👋🏽 call <NAME>' } };
  expect(plain(points.verdict)).toEqual(expected);
  expect(plain(units.verdict)).toEqual(expected);
});

test('a place between the halves of an emoji leaves nothing that could be shown', async () => {
  const question = { call: { texts: ['👋🏽 call mara'] } };
  const reply = (start: number, end: number) => json({ ok: false, found: [{ start, end, kind: 'name' }] });
  for (const [start, end] of [
    [1, 4],
    [0, 3],
  ] as const) {
    const { verdict } = await askPreset(SPANS(', unit: utf16'), reply(start, end), question);
    expect(verdict).toEqual({ kind: 'modify', texts: null });
  }
});

test('a failure is looked for beside the root, too', async () => {
  const yaml = preset('{ failure: [{ /error: $present }], allow: [{ /ok: true }] }').replace(
    'path: /check',
    'path: /check, root: /result',
  );
  expect(await verdictOf(yaml, { result: { ok: true } })).toEqual(allowed);
  expect(await verdictOf(yaml, { result: { ok: true }, error: { code: -1 } })).toEqual({
    kind: 'no_verdict',
  });
  expect(await verdictOf(yaml, { error: { code: -1 } })).toEqual({ kind: 'no_verdict' });
  expect(await verdictOf(yaml, {})).toEqual(wrongShape('result'));
});

test('a span of a message can lie in several of its texts', async () => {
  const yaml = preset(
    `{ allow: [{ /ok: true }], redact: { when: [{ /ok: false }], spans: { at: /found/*, start: /start, end: /end, text: /message, marker: '***' } } }`,
    '{}',
    'conversation',
    '{ messages: $messages }',
  );
  const content = [
    { type: 'text', text: 'card 4000 0000' },
    { type: 'text', text: '0000 0002 please' },
  ];
  const question = {
    call: {
      texts: ['card 4000 0000', '0000 0002 please'],
      structured_messages: [
        { role: 'system', content: 'be kind' },
        { role: 'user', content },
      ],
    },
  };
  const { verdict } = await askPreset(
    yaml,
    json({ ok: false, found: [{ start: 5, end: 24, message: 1 }] }),
    question,
  );
  expect(plain(verdict)).toEqual({
    kind: 'modify',
    texts: { 'card 4000 0000': 'card ***', '0000 0002 please': ' please' },
  });
});

const LABELLED = preset(
  `
  block: [{ /ok: false }]
  allow: [{ /ok: true }]
  categories: [{ at: /found/* }]
  redact: { instead_of_block: { categories: [pii/*] }, spans: { at: /spans/*, start: /start, end: /end, label: /kind } }`,
);
const span = (kind?: string) => ({ start: 17, end: 33, kind });

test.each([
  { found: ['pii/email'], spans: [span('pii/email')], kind: 'modify' },
  { found: ['pii/email', 'pii/phone'], spans: [span('pii/email')], kind: 'block' },
  { found: ['pii/email', 'pii/phone'], spans: [span()], kind: 'block' },
  { found: ['pii/email', 'pii/email'], spans: [span('pii/email')], kind: 'block' },
  { found: ['pii/email', 'pii/email'], spans: [span('pii/email'), span('pii/email')], kind: 'modify' },
])('each of $found needs a span of its name to be redacted: $spans', async ({ found, spans, kind }) => {
  expect(await verdictOf(LABELLED, { ok: false, found, spans })).toMatchObject({ kind });
});

test('redactions of pieces are put together', async () => {
  const yaml = `${TEXT}limits: { chars: 20 }\n`;
  const text = 'Mail the bill to mara@example.org, and be quick';
  const masking: Reply = (request, response) => {
    const { text } = request.body as { text: string };
    const clean = text.replace('mara@example.org', '***').replace('quick', 'slow');
    return json({ ok: true, clean })(request, response);
  };
  const { verdict, bodies } = await askPreset(yaml, masking, { call: { texts: [text] } });
  expect(bodies).toHaveLength(3);
  expect(plain(verdict)).toEqual({
    kind: 'modify',
    texts: { [text]: 'Mail the bill to ***, and be slow' },
  });
});

test('of a block with a thousand categories the first are told', async () => {
  const scores = Object.fromEntries(
    Array.from({ length: 1000 }, (_, i) => [`rule ${i} ${'x'.repeat(300)}`, 1]),
  );
  const verdict = await verdictOf(SCORES('at_least: 0.5'), { scores });
  const { categories = [] } = verdict as { categories?: string[] };
  expect(categories).toHaveLength(50);
  expect(categories[0]).toHaveLength(200);
});
