import { expect, test } from 'vitest';
import { PresetError, readPreset } from '../../../src/backends/preset/read-preset.ts';

const LINES = [
  'title: Acme',
  'judges: [request]',
  'reads: texts',
  'options: { limit: { type: number, default: 1, about: Limit. } }',
  'headers: { x-token: $secret }',
  'asks:',
  '  - path: /check',
  '    body: { text: $text }',
  'reply:',
  '  allow: [{ /ok: true }]',
];

/** The problems of the preset above with some lines replaced or, at 11, added. */
function problemsOf(lines: Readonly<Record<number, string>>): readonly string[] {
  const text = [...LINES, ''].map((line, i) => lines[i + 1] ?? line).join('\n');
  try {
    readPreset(text);
    return [];
  } catch (error) {
    if (error instanceof PresetError) return error.problems;
    throw error;
  }
}

test('a preset without mistakes is read with its defaults', () => {
  expect(readPreset(LINES.join('\n'))).toMatchObject({ secret: 'optional', idempotent: true, limits: {} });
});

test.each([
  { lines: { 1: 'titel: Acme' }, problem: 'line 1: titel: is not known; did you mean title?' },
  {
    lines: { 3: 'reads: text' },
    problem: 'line 3: reads: must be texts or conversation, not "text"; did you mean texts?',
  },
  { lines: { 8: '    bodi: {}' }, problem: 'line 8: asks[0].bodi: is not known; did you mean body?' },
  {
    lines: { 7: '  - path: check' },
    problem: 'line 7: asks[0].path: must begin with a slash, or be empty for the url itself, not "check"',
  },
  {
    lines: { 8: '    body: { text: $txt }' },
    problem: 'line 8: asks[0].body.text: "$txt" is no value; did you mean text?',
  },
  {
    lines: { 8: '    body: { text: $options.limt }' },
    problem: 'line 8: asks[0].body.text: "$options.limt" is no value; did you mean options.limit?',
  },
  { lines: { 7: '  - path: /$text' }, problem: 'line 7: asks[0].path: "$text" is no value' },
  {
    lines: { 8: '    body: [{ $each: txts, as: $item }]' },
    problem: 'line 8: asks[0].body[0]."$each": "txts" is no value; did you mean texts?',
  },
  {
    lines: { 5: 'headers: { x-token: $secrt }' },
    problem: 'line 5: headers.x-token: "$secrt" is no value; did you mean secret?',
  },
  {
    lines: { 10: '  allow: [{ ok: true }]' },
    problem: 'line 10: reply.allow[0]: "ok" is no JSON pointer; write it like /result/action',
  },
  {
    lines: { 10: '  allow: [{ /ok: true, if: limt }]' },
    problem: 'line 10: reply.allow[0].if: "limt" is no option of the preset; did you mean limit?',
  },
  {
    lines: { 11: '  categories: [{ at: /a, is: true, above: 1 }]' },
    problem: 'line 11: reply.categories[0]: must have one of is, above and at_least',
  },
  {
    lines: { 11: '  categories: [{ at: /a, above: $options.limits }]' },
    problem: 'line 11: reply.categories[0]: "$options.limits" is no value; did you mean options.limit?',
  },
  {
    lines: { 11: '  redact: { text: /a, texts: /b }' },
    problem: 'line 11: reply.redact: must have one of text, texts and spans',
  },
  {
    lines: { 11: '  redact: { spans: { at: /a, start: b, end: /c } }' },
    problem: 'line 11: reply.redact.spans: "b" is no JSON pointer; write it like /result/action',
  },
  {
    lines: { 2: 'judges: [request, response]', 7: '  - when: [request]\n    path: /check' },
    problem: 'line 6: asks: must have one with when: [response] or without when, as judges names response',
  },
  {
    lines: { 3: 'reads: conversation\nlimits: { chars: 5 }' },
    problem: 'line 4: limits: has an effect with reads: texts alone',
  },
  {
    lines: { 4: 'options: { timeout: { type: number, about: No. } }' },
    problem: 'line 4: options.timeout: is a key that every entry has; choose another name',
  },
  {
    lines: { 4: 'options: { limit: { type: text, choices: [a, b], default: c, about: No. } }' },
    problem: 'line 4: options.limit.default: must be one of its choices a, b',
  },
  {
    lines: { 5: 'url: vendor.example' },
    problem: 'line 5: url: must be an address like https://vendor.example',
  },
  {
    lines: { 5: 'secret: none\nsignature: { headers: { x-a: $hex } }' },
    problem: 'line 6: signature: needs a secret; write secret: required',
  },
  {
    lines: { 5: 'secret: none\nheaders: { x-token: $secret }' },
    problem: 'line 6: headers.x-token: "$secret" is no value',
  },
  {
    lines: { 5: 'headers: { x-api-key: 0123456789abcdef }' },
    problem: 'line 5: headers.x-api-key: must be $secret: a secret does not stand in a preset',
  },
  {
    lines: { 5: 'headers: { x-custom: Bearer live-1 }' },
    problem: 'line 5: headers.x-custom: must be $secret: a secret does not stand in a preset',
  },
  {
    lines: { 7: '  - path: /check?api_key=hunter2' },
    problem: 'line 7: asks[0].path: must not hold a secret; send it in a header',
  },
  {
    lines: { 8: `    body: { key: ${['AKIA', 'Z7QX2M4KJ5TN6PW3'].join('')} }` },
    problem: 'line 8: asks[0].body.key: must be $secret: a secret does not stand in a preset',
  },
  {
    lines: { 5: "headers: { content-length: '5' }" },
    problem: 'line 5: headers.content-length: is a header that every request has; leave it out',
  },
  {
    lines: { 5: 'signature: { headers: { x-a: $hex } }' },
    problem: 'line 5: signature: needs a secret; write secret: required',
  },
  {
    lines: { 8: '    body: { text: $Text }' },
    problem: 'line 8: asks[0].body.text: "$Text" is no value; write $$ for a dollar sign',
  },
  {
    lines: { 8: '    body: { text: { $each: texts, as: $item } }' },
    problem:
      'line 8: asks[0].body.text."$each": is a key of an entry of a list; write [{ $each: texts, as: $item }]',
  },
  {
    lines: { 8: '    body: [{ $each: text, as: $item }]' },
    problem: 'line 8: asks[0].body[0]."$each": "text" is no list',
  },
  {
    lines: { 8: '    body: [{ $each: texts, as: $item.text }]' },
    problem: 'line 8: asks[0].body[0].as: "$item.text" is no value',
  },
  {
    lines: { 8: '    body: [$text, { $each: turn, as: $item.text }]' },
    problem: 'line 8: asks[0].body[1].as: "$item.text" is no value',
  },
  {
    lines: { 8: '    body: { user: $user }' },
    problem: 'line 8: asks[0].body: needs $text or $texts, or nothing is judged',
  },
  {
    lines: { 3: 'reads: conversation', 8: '    body: { images: $images }' },
    problem: 'line 8: asks[0].body: needs $messages, $turn, $text, $texts or $guardrail_request',
  },
  {
    lines: { 8: '    body: { text: $text, turn: $turn }' },
    problem: 'line 8: asks[0].body: has what is about the whole call; write reads: conversation',
  },
  {
    lines: { 2: 'judges: [request, media]' },
    problem: 'line 8: asks[0].body: needs $images, or an ask before it that has them, as judges names media',
  },
  {
    lines: { 2: 'judges: [request]\ndocuments: [tool]' },
    problem: 'line 9: asks[0].body: needs $documents, as documents names authors',
  },
  {
    lines: { 6: 'asks:\n  - { when: [images], path: /image, body: { images: $images } }' },
    problem: 'line 7: asks[0].body: needs $text or $texts, or nothing is judged',
  },
  {
    lines: { 2: 'judges: [request]\nauthors: []' },
    problem: expect.stringMatching(/^line 3: authors: /),
  },
  {
    lines: { 10: '  allow: [{ /error: null }]' },
    problem: 'line 10: reply.allow[0]./error: cannot be null; write $absent',
  },
  {
    lines: { 10: '  allow: [{ /error: $absent }]' },
    problem: 'line 10: reply.allow[0]: allows any JSON; write what stands in a reply that allows',
  },
  {
    lines: { 4: 'options: { bad: { type: texts, about: Bad. } }', 11: '  block: [{ /label: $options.bad }]' },
    problem: 'line 11: reply.block[0]./label: never holds without bad; give it a default, or write if: bad',
  },
  {
    lines: { 11: "  categories: [{ at: /a, above: '0.8' }]" },
    problem:
      'line 11: reply.categories[0]: "0.8" is no number; write one, or an option of type number or numbers',
  },
  {
    lines: { 11: '  categories: [{ at: /a, above: [] }]' },
    problem: expect.stringMatching(/^line 11: reply\.categories\[0\]\.above: /),
  },
  {
    lines: {
      4: "options: { limit: { type: text, default: '0.8', about: Limit. } }",
      11: '  categories: [{ at: /a, at_least: $options.limit }]',
    },
    problem:
      'line 11: reply.categories[0]: "$options.limit" is no number; write one, or an option of type number or numbers',
  },
  {
    lines: { 11: '  redact: { spans: { at: /a, start: /b, end: /c, end_is: inclsive } }' },
    problem: 'line 11: reply.redact.spans.end_is: must be exclusive or inclusive; did you mean inclusive?',
  },
  {
    lines: { 11: '  guardrail_response: true' },
    problem: 'line 7: asks[0]: reads a guardrail_response, which needs reads: conversation',
  },
  { lines: { 11: '\t- nothing' }, problem: expect.stringMatching(/^line 11: /) },
])('a mistake is told with its line and the nearest name: $problem', ({ lines, problem }) => {
  expect(problemsOf(lines)).toContainEqual(problem);
});

test.each([
  { 8: '    body: { text: costs $$5 or $5, of: $text }' },
  { 8: '    body: [{ $each: texts, as: { says: $item } }]' },
  {
    3: 'reads: conversation',
    8: '    body: [{ $each: messages, as: { by: $item.role, text: $item.content } }]',
  },
  { 2: 'judges: [request]\ndocuments: [user, operator, model, tool]', 8: '    body: $documents' },
  { 3: 'reads: conversation\njudges: [request, media]', 2: 'see: page', 8: '    body: $guardrail_request' },
  {
    2: 'judges: [request, media]',
    6: 'asks:\n  - { when: [images], path: /image, body: { images: $images, texts: $texts } }',
  },
])('a preset that sends what is judged is read: %j', (lines) => {
  expect(problemsOf(lines)).toEqual([]);
});

test('all mistakes are told at once', () => {
  const problems = problemsOf({ 5: 'headers: { x-token: $secrt }', 10: '  allow: [{ ok: true }]' });
  expect(problems.map((problem) => problem.split(':')[0])).toEqual(['line 5', 'line 10']);
});
