import { describe, expect, test } from 'vitest';
import type { Fields } from '../../src/guardrail/json.ts';
import { DEFAULT_LIMITS } from '../../src/guardrail/json-nodes.ts';
import { logRowsIn } from '../../src/litellm/log-rows.ts';
import { randomFrom } from '../support/random.ts';

/** The rows of a body by their kind. */
function rowsIn(body: string | Buffer, limits = DEFAULT_LIMITS) {
  const rows = [...logRowsIn(Buffer.from(body), limits)];
  const events: Fields[] = rows.flatMap((row) => (row.kind === 'event' ? [row.event] : []));
  const bad = rows.flatMap((row) =>
    row.kind === 'bad' ? [{ reason: row.reason, text: row.text, chars: row.chars }] : [],
  );
  const count = (kind: string) => rows.filter((row) => row.kind === kind).length;
  return { events, bad, legacy: count('legacy'), nulls: count('null') };
}

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
    expect(rowsIn(body)).toMatchObject({ events, bad: [], legacy: 0 });
  });
});

describe('rows that are no events', () => {
  test('are skipped and counted if they are null', () => {
    expect(rowsIn(line([null, one, null]))).toEqual({ events: [one], bad: [], legacy: 0, nulls: 2 });
    expect(rowsIn(`null\n${line(one)}`)).toMatchObject({ events: [one], nulls: 1 });
  });

  test('are counted, not read, if they are of generic_api_use_v1', () => {
    expect(rowsIn(line([legacy, one]))).toMatchObject({ events: [one], legacy: 1 });
  });

  test.each([
    ['are named if they are a number', '7', 'is not a JSON object'],
    ['are named if they are a text', '"words"', 'is not a JSON object'],
    ['are named if they are a list', '[[1]]', 'is not a JSON object'],
    ['are named if they are another object', '{"hello":1}', 'has none of id'],
    [
      'are named if they are nested too deep',
      `{"id":"a","messages":${'['.repeat(500)}${']'.repeat(500)}}`,
      'is nested too deep',
    ],
    ['are named if they are no JSON', 'hello', 'is not JSON'],
  ])('%s', (_, body, reason) => {
    const { events, bad } = rowsIn(body);
    expect(events).toEqual([]);
    expect(bad).toHaveLength(1);
    expect(bad[0]?.reason).toContain(reason);
  });

  test.each([
    ['lines', '7\n', '', ''],
    ['items of an array', '7,', '[', '7]'],
    ['lines that are no JSON', 'plum\n', '', ''],
  ])(
    'are named one by one up to a thousand, of a million %s, and the others counted',
    (_, row, before, after) => {
      const { bad } = rowsIn(before + row.repeat(1_000_000) + after);
      expect(bad).toHaveLength(1001);
      const last = bad.at(-1);
      expect(last?.reason).toMatch(new RegExp(`^${999_000 + (after === '' ? 0 : 1)} more rows: `));
      expect(last?.text).toContain(row.trim());
    },
  );

  test('are counted up to a million', () => {
    const { bad } = rowsIn(`[${'{},'.repeat(2_000_000)}{}]`);
    expect(bad.at(-1)?.reason).toMatch(/^at least 1000000 more rows: /);
  });

  test('do not take events behind them with them, however many they are', () => {
    expect(rowsIn('7\n'.repeat(5000) + line(one)).events).toEqual([one]);
    expect(rowsIn(`[${'7,'.repeat(5000)}${line(one)}]`).events).toEqual([one]);
  });

  test('are one bad row if their nesting exhausts other parsers', () => {
    const deep = `{"id":"a","messages":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(rowsIn(`${line(one)}\n${deep}`)).toMatchObject({ events: [one], bad: [{}] });
    expect(rowsIn(`[${line(one)},${deep}]`)).toMatchObject({ events: [one], bad: [{}] });
  });
});

describe('one unreadable row does not take the others with it', () => {
  test('where it is a line of ndjson', () => {
    const { events, bad } = rowsIn(`${line(one)}\n{"id": "cut\n${line(two)}`);
    expect(events).toEqual([one, two]);
    expect(bad).toEqual([{ reason: 'is not JSON', text: '{"id": "cut', chars: 11 }]);
  });

  test('where it is an item of an array', () => {
    const { events, bad } = rowsIn(`[${line(one)}, {"id": oops}, ${line(two)}]`);
    expect(events).toEqual([one, two]);
    expect(bad).toEqual([{ reason: 'is not JSON', text: '{"id": oops}', chars: 12 }]);
  });

  test('where an array is cut off', () => {
    const { events, bad } = rowsIn(line([one, two]).slice(0, -5));
    expect(events).toEqual([one]);
    expect(bad).toHaveLength(1);
  });

  test('where Python writes numbers that JSON has not: they become null', () => {
    const row = '{"id":"a","response_cost":NaN,"x":[-Infinity, 1],"text":"is NaN, so"}';
    expect(rowsIn(`[${row},null]`)).toMatchObject({
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
    const { events, bad } = rowsIn(write([line(one), many(1_000_001), line(two)]));
    expect(events).toEqual([one, two]);
    expect(bad).toMatchObject([{ reason, text: expect.stringMatching(/^\{"id":"c"/) }]);
    expect(bad[0]?.chars).toBeGreaterThan(3_000_000);
    expect(bad[0]?.text.length).toBeLessThan(40_000);
  });

  test('loses what is too much together, and no usual row', () => {
    const rows = [...Array(22).fill(many(90_000)), line(one), line(two)];
    const { events, bad } = rowsIn(`[${rows.join()}]`);
    expect(events.length).toBe(13);
    expect(events.slice(-2)).toEqual([one, two]);
    expect(new Set(bad.map((row) => row.reason))).toEqual(new Set([reason]));
    expect(bad.length).toBe(11);
  });

  test('is read as far as twice the limits of a call, whatever these are', () => {
    const limits = { maxJsonNodes: 1_000_000, maxJsonDepth: 512 };
    expect(rowsIn(`[${many(900_000)}]`, limits).events.length).toBe(1);
    expect(rowsIn(`[${many(1_100_000)}]`, limits).bad).toMatchObject([{ reason }]);
    const deep = (levels: number) => `{"id":"a","messages":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(rowsIn(deep(512), limits).events.length).toBe(1);
    expect(rowsIn(deep(600), limits).bad).toMatchObject([{ reason: 'is nested too deep' }]);
  });

  test.each([
    ['a list of open lists', '['.repeat(3_000_000)],
    ['an object of open objects', '{"a":'.repeat(1_000_000)],
    ['closed lists alone', ']'.repeat(3_000_000)],
    ['quotes', '"'.repeat(3_000_001)],
    ['backslashes', `["${'\\'.repeat(3_000_000)}`],
    ['blanks', ' '.repeat(3_000_000)],
    ['blank lines', '\n'.repeat(3_000_000)],
    ['no text', '\0'.repeat(3_000_000)],
    ['bytes that are no UTF-8', Buffer.alloc(3_000_000, 0xe2)],
  ])('ends, and its text is not kept whole: %s', (_, body) => {
    const { events, bad } = rowsIn(body);
    expect(events).toEqual([]);
    expect(bad.length).toBeLessThanOrEqual(1001);
    for (const { text } of bad) expect(text.length).toBeLessThanOrEqual(32 * 1024);
  });

  test.each([
    ['10,000 of a short one', 10_020, '', 10_000],
    ['one for each 2 KB of a long one', 20_000, 'x'.repeat(3000), 20_000],
    ['one for each 2 KB of a long one, and no more', 40_000, 'x'.repeat(700), 0],
  ])('has as many rows read as it may have: %s', (_, count, content, most) => {
    const row = line({ id: 'a', content });
    for (const body of [`[${Array(count).fill(row).join()}]`, `${row}\n`.repeat(count)]) {
      const { events, bad } = rowsIn(body);
      const read = most === 0 ? Math.floor(body.length / 2048) : most;
      expect(events).toHaveLength(read);
      const reason = expect.stringContaining(`${count - read} more rows: of a body`);
      const text = expect.stringContaining(row);
      expect(bad).toMatchObject(read === count ? [] : [{ reason, text }]);
    }
  });

  test('is read where it is large for other reasons', () => {
    const long = { ...one, messages: [{ role: 'user', content: '{},[]'.repeat(600_000) }] };
    expect(rowsIn(line([long, two]))).toMatchObject({ events: [long, two], bad: [] });
  });
});

test('a body is read as JSON reads it, row by row too', () => {
  const next = randomFrom(5);
  const int = (end: number) => Math.floor(next() * end);
  const piece = () => ['"', '\\', ',', '[', '{', '}', ']', ' ', '\n', 'a', 'é'][int(11)];
  const text = () => Array.from({ length: int(30) }, piece).join('');
  for (let i = 0; i < 2000; i++) {
    const events = Array.from({ length: 1 + int(4) }, () => ({
      id: text(),
      messages: [text(), { [text()]: text() }],
    }));
    const rowByRow = { maxJsonNodes: 1, maxJsonDepth: 128 };
    const all = { ...DEFAULT_LIMITS, maxJsonNodes: 100_000 };
    for (const body of [line(events), JSON.stringify(events, null, 1), events.map(line).join('\n')]) {
      expect(rowsIn(body, all)).toMatchObject({ events, bad: [] });
    }
    // Each alone has too many nodes, and is kept as it is
    const bad = rowsIn(line(events), rowByRow).bad.map((row) => JSON.parse(row.text) as unknown);
    expect(bad).toEqual(events);
  }
});
