import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { jsonPointers } from '../../src/guardrail/fields.ts';
import { formatPointer, parsePointer } from '../../src/guardrail/pointer.ts';

describe('a JSON pointer', () => {
  test.each([
    ['/a', ['a']],
    ['/a/0/b c', ['a', '0', 'b c']],
    ['/a~1b/c~0d', ['a/b', 'c~d']],
    ['/~01', ['~1']],
    ['/', ['']],
    ['/a/', ['a', '']],
    ['/messages/*/name', ['messages', '*', 'name']],
  ])('%s is read and written', (text, segments) => {
    expect(parsePointer(text)).toEqual(segments);
    expect(formatPointer(segments)).toBe(text);
  });

  test.each(['', 'a', 'a/b', '#/a', '/a~', '/a~2', '$.a'])('%j is refused', (text) => {
    expect(parsePointer(text)).toBeUndefined();
    if (text !== '') expect(v.safeParse(jsonPointers, text).success).toBe(false);
  });

  test('may stand in a list, and a wrong one there is refused with advice', () => {
    expect(v.parse(jsonPointers, ' /a/b , /c,, ')).toEqual([['a', 'b'], ['c']]);
    expect(v.safeParse(jsonPointers, '/a, b').issues?.[0].message).toContain('write JSON pointers like /');
  });
});
