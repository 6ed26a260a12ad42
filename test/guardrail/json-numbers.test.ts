import { describe, expect, test } from 'vitest';
import { jsonNumbers } from '../../src/guardrail/json-numbers.ts';
import { rewritesOf } from '../support/passages.ts';
import { engineOf } from '../support/policies.ts';

/** Places of all 4111 that are found to be numbers in JSON. */
function found(text: string): readonly number[] {
  const spans = [...text.matchAll(/4111/g)].map(({ index }) => ({ start: index, end: index + 4 }));
  const all = jsonNumbers(text, spans);
  return spans.flatMap(({ start }, i) => (all.has(start) ? [i] : []));
}

describe('numbers in JSON', () => {
  test.each<[string, readonly number[]]>([
    ['{"n": 4111}', [0]],
    [' [4111,4111 ,\n4111]', [0, 1, 2]],
    ['{"a":{"b":[{}, [], "x", true, null, -1.5e3, 4111]}}', [0]],
    ['{"a":"4111","b":4111}', [1]],
    ['{"a":"x\\", 4111, \\"","b":4111}', [1]],
    ['{"a":1}\n{"a":4111}', [0]],
    ['{"4111":4111', [1]],
    ['{"a":-4111,"b":41110,"c":4111.5,"d":4111}', [3]],
    ['4111', []],
    ['see [1, 4111]', []],
    ['[1] is 4111, ok', []],
    ['{a: 4111}', []],
    ['{"a" 4111}', []],
    ['{"a":1 4111}', []],
    ['{"a":"b 4111, 4111', []],
    ['[4111}, 4111]', [0]],
    ['', []],
  ])('of %j are found', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  test('are the same ones while a text grows', () => {
    const text = '[{"a":"4111, 4111","b":[4111, 4111]},{"c":4111}]';
    for (let end = 1; end < text.length; end++) {
      const part = found(text.slice(0, end));
      if (/\d$/.test(text.slice(0, end))) continue;
      expect([2, 3, 4].slice(0, part.length)).toEqual(part);
    }
  });
});

describe('a redaction of numbers in JSON', () => {
  const redacted = async (text: string, options = {}) => {
    const engine = engineOf({
      chain: ['pii-detector'],
      policy: { 'pii-detector': { pci_mode: true, ...options } },
    });
    const judged = await engine.judge({ input_type: 'request', litellm_call_id: 'numbers', texts: [text] });
    return { engine, text: rewritesOf(judged.texts)[text] };
  };

  test.each([
    ['{"n": 4111111111111111}', '{"n": "[CREDIT_CARD]"}'],
    ['{"n":[1,5500000000000004],"s":"4111111111111111"}', '{"n":[1,"[CREDIT_CARD]"],"s":"[CREDIT_CARD]"}'],
    ['the card {"n": 4111111111111111}', 'the card {"n": [CREDIT_CARD]}'],
  ])('makes of %j the text %j', async (text, expected) => {
    expect((await redacted(text)).text).toBe(expected);
  });

  test('is undone to a number', async () => {
    const request = '{"card": 4111111111111111}';
    const { engine, text } = await redacted(request, { redaction: { reversible: true } });
    expect(text).toBe('{"card": "[CREDIT_CARD_1]"}');
    const answer = '{"paid": true, "card": "[CREDIT_CARD_1]"}';
    const { texts } = await engine.judge({
      input_type: 'response',
      litellm_call_id: 'numbers',
      texts: [answer],
    });
    expect(rewritesOf(texts)[answer]).toBe('{"paid": true, "card": 4111111111111111}');
  });
});
