import { describe, expect, test } from 'vitest';
import { parseLogRows } from '../../src/litellm/log-rows.ts';

const one = { id: 'a', status: 'success', messages: [{ role: 'user', content: 'one' }] };
const two = { id: 'b', status: 'failure', error_str: 'a, "quoted" ] and } in a text \\' };
const legacy = { id: 'a', startTime: '2026-11-21', modelParameters: '{}', usage: 'Usage()', metadata: '{}' };
const line = (value: unknown) => JSON.stringify(value);

describe('the rows of a body are read from', () => {
  test.each([
    ['json_array', line([one, two]), [one, two]],
    ['json_array with blanks', `\n ${JSON.stringify([one, two], null, 2)}\n`, [one, two]],
    ['ndjson', `${line(one)}\n${line(two)}`, [one, two]],
    ['ndjson with a last newline and CRLF', `${line(one)}\r\n\n${line(two)}\r\n`, [one, two]],
    ['ndjson of one line, which is single too', line(one), [one]],
    ['an empty array', '[]', []],
    ['an empty body', '', []],
    ['blanks', ' \n ', []],
    ['null alone', 'null', []],
  ])('%s', (_, body, events) => {
    expect(parseLogRows(body)).toMatchObject({ events, bad: [], legacy: 0 });
  });
});

describe('rows that are no events', () => {
  test('are skipped and counted if they are null', () => {
    expect(parseLogRows(line([null, one, null]))).toEqual({ events: [one], bad: [], legacy: 0, nulls: 2 });
    expect(parseLogRows(`null\n${line(one)}`)).toMatchObject({ events: [one], nulls: 1 });
  });

  test('are counted, not read, if they are of generic_api_use_v1', () => {
    expect(parseLogRows(line([legacy, one]))).toMatchObject({ events: [one], legacy: 1 });
  });

  test.each([
    ['are named if they are a number', '7', 'is not a JSON object'],
    ['are named if they are a text', '"words"', 'is not a JSON object'],
    ['are named if they are a list', '[[1]]', 'is not a JSON object'],
    ['are named if they are another object', '{"hello":1}', 'has none of id'],
    [
      'are named if they are nested too deep',
      `{"id":"a","messages":${'['.repeat(500)}${']'.repeat(500)}}`,
      'is nested more',
    ],
    ['are named if they are no JSON', 'hello', 'is not JSON'],
  ])('%s', (_, body, reason) => {
    const { events, bad } = parseLogRows(body);
    expect(events).toEqual([]);
    expect(bad).toHaveLength(1);
    expect(bad[0]?.reason).toContain(reason);
  });

  test.each([
    ['lines', '7\n', '', ''],
    ['items of an array', '7,', '[', '7]'],
    ['lines that are no JSON', 'plum\n', '', ''],
  ])('are named one by one up to a thousand, of a million %s', (_, row, before, after) => {
    const { bad } = parseLogRows(before + row.repeat(1_000_000) + after);
    expect(bad).toHaveLength(1001);
    expect(bad.at(-1)?.reason).toMatch(/^follows on 1000 rows|^\d+ more rows/);
  });

  test('are one bad row if their nesting exhausts other parsers', () => {
    const deep = `{"id":"a","messages":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(parseLogRows(`${line(one)}\n${deep}`)).toMatchObject({ events: [one], bad: [{}] });
    expect(parseLogRows(`[${line(one)},${deep}]`)).toMatchObject({ events: [one], bad: [{}] });
  });
});

describe('one unreadable row does not take the others with it', () => {
  test('where it is a line of ndjson', () => {
    const { events, bad } = parseLogRows(`${line(one)}\n{"id": "cut\n${line(two)}`);
    expect(events).toEqual([one, two]);
    expect(bad).toEqual([{ reason: 'is not JSON', text: '{"id": "cut' }]);
  });

  test('where it is an item of an array', () => {
    const { events, bad } = parseLogRows(`[${line(one)}, {"id": oops}, ${line(two)}]`);
    expect(events).toEqual([one, two]);
    expect(bad).toEqual([{ reason: 'is not JSON', text: '{"id": oops}' }]);
  });

  test('where an array is cut off', () => {
    const { events, bad } = parseLogRows(line([one, two]).slice(0, -5));
    expect(events).toEqual([one]);
    expect(bad).toHaveLength(1);
  });

  test('where Python writes numbers that JSON has not: they become null', () => {
    const row = '{"id":"a","response_cost":NaN,"x":[-Infinity, 1],"text":"is NaN, so"}';
    expect(parseLogRows(`[${row},null]`)).toMatchObject({
      events: [{ id: 'a', response_cost: null, x: [null, 1], text: 'is NaN, so' }],
      nulls: 1,
    });
  });
});

describe('a body of far more lists and objects than its length tells', () => {
  const many = (items: number) => `{"id":"c","messages":[${Array(items).fill('{}').join()}]}`;
  const reason = 'has too many lists, objects and commas';

  test.each([
    ['json_array', (rows: readonly string[]) => `[${rows.join()}]`],
    ['ndjson', (rows: readonly string[]) => rows.join('\n')],
  ])('loses the row that is made of them, and no other: %s', (_, write) => {
    const { events, bad } = parseLogRows(write([line(one), many(1_000_001), line(two)]));
    expect(events).toEqual([one, two]);
    expect(bad).toEqual([{ reason, text: expect.stringMatching(/^\{"id":"c"/) }]);
  });

  test('loses what is too much together, and no usual row', () => {
    const rows = [...Array(12).fill(many(90_000)), line(one), line(two)];
    const { events, bad } = parseLogRows(`[${rows.join()}]`);
    expect(events.length).toBe(13);
    expect(events.slice(-2)).toEqual([one, two]);
    expect(bad.map((row) => row.reason)).toEqual([reason]);
  });

  test('is read where it is large for other reasons', () => {
    const long = { ...one, messages: [{ role: 'user', content: '{},[]'.repeat(600_000) }] };
    expect(parseLogRows(line([long, two]))).toMatchObject({ events: [long, two], bad: [] });
  });
});
