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
    lines: { 8: `    body: { key: ${['AKIA', 'Z7QX2M4KJ5TN6PW3'].join('')} }` },
    problem: 'line 8: asks[0].body.key: must be $secret: a secret does not stand in a preset',
  },
  { lines: { 11: '\t- nothing' }, problem: expect.stringMatching(/^line 11: /) },
])('a mistake is told with its line and the nearest name: $problem', ({ lines, problem }) => {
  expect(problemsOf(lines)).toContainEqual(problem);
});

test('all mistakes are told at once', () => {
  const problems = problemsOf({ 5: 'headers: { x-token: $secrt }', 10: '  allow: [{ ok: true }]' });
  expect(problems.map((problem) => problem.split(':')[0])).toEqual(['line 5', 'line 10']);
});
