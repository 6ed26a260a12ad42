import { expect, test } from 'vitest';
import { editsOf, utf16Spans } from '../../src/backends/spans.ts';
import { editedText } from '../../src/guardrail/edit.ts';

test.each([
  { name: 'a text of ASCII', text: 'call 212-555-0147', span: { start: 5, end: 17 }, part: '212-555-0147' },
  { name: 'a text of other letters', text: 'öäü 7', span: { start: 4, end: 5 }, part: '7' },
  {
    name: 'a text with an emoji of two code points',
    text: '👋🏽 Call Dana Roe at 212-555-0147',
    span: { start: 20, end: 32 },
    part: '212-555-0147',
  },
  { name: 'an emoji at the end', text: 'a👋', span: { start: 1, end: 2 }, part: '👋' },
  { name: 'half a pair, which Python counts too', text: '👋\ud83d x', span: { start: 3, end: 4 }, part: 'x' },
])('code points of $name are found in UTF-16', ({ text, span, part }) => {
  const [found] = utf16Spans(text, [span]);
  expect(text.slice(found?.start, found?.end)).toBe(part);
});

test('a span keeps what else is known of it', () => {
  const span = { start: 1, end: 2, entity: 'PERSON' };
  expect(utf16Spans('👋b', [span])).toEqual([{ start: 2, end: 3, entity: 'PERSON' }]);
});

test('edits stand at their places in the passage, in order', () => {
  const spans = [
    { start: 6, end: 9 },
    { start: 0, end: 3 },
  ];
  const edits = editsOf({ from: 10, text: 'Ann or Bob' }, spans, ({ start }) => `<${start}>`);
  expect(edits).toEqual([
    { start: 10, end: 13, text: '<0>' },
    { start: 16, end: 19, text: '<6>' },
  ]);
});

test('what overlaps gets one marker', () => {
  const text = 'mail dana@example.org now';
  const spans = [
    { start: 10, end: 21, marker: '<URL>' },
    { start: 5, end: 21, marker: '<EMAIL>' },
  ];
  const edits = editsOf({ from: 0, text }, spans, ({ marker }) => marker);
  expect(editedText(text, edits)).toBe('mail <EMAIL> now');
});

test.each([
  { start: -1, end: 2 },
  { start: 2, end: 2 },
  { start: 1, end: 4 },
  { start: 0.5, end: 2 },
  { start: Number.NaN, end: 2 },
])('a span from $start to $end of three letters is another shape', (span) => {
  expect(() => editsOf({ from: 0, text: 'abc' }, [span], () => '')).toThrow('wrong_shape');
  expect(() => editsOf({ from: 0, text: '👋bc' }, utf16Spans('👋bc', [span]), () => '')).toThrow(
    'wrong_shape',
  );
});
