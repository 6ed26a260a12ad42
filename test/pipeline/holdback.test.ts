import { describe, expect, test } from 'vitest';
import type { Passage } from '../../src/guardrail/call.ts';
import type { CheckResult } from '../../src/guardrail/decision.ts';
import type { TextEdit } from '../../src/guardrail/edit.ts';
import { withTexts } from '../../src/guardrail/passages.ts';
import { modified } from '../../src/guardrail/verdict.ts';
import { holdbackOf } from '../../src/pipeline/holdback.ts';
import type { BackendRedaction } from '../../src/pipeline/merge.ts';
import { callOf } from '../support/call.ts';

const TEXT = 'It is Dana who lives in Rome. And then';
const CALL = callOf({ input_type: 'response', texts: [TEXT, 'one more'] });
const [first] = CALL.passages.all as [Passage];

/** The result of a check that has judged a text up to a place, and edits it. */
function judged(passage: Passage, place: number, ...edits: TextEdit[]): CheckResult {
  const told = { backend: 'a', mode: 'enforce', unreachableFallback: 'fail_closed', seconds: 0 } as const;
  return { ...told, verdict: modified(new Map([[passage, edits]])), open: new Map([[passage, place]]) };
}

const edit = (part: string, text: string): TextEdit => {
  const start = TEXT.indexOf(part);
  return { start, end: start + part.length, text };
};
const redaction = (...edits: TextEdit[]) => modified(new Map([[first, edits]])) as BackendRedaction;

describe('characters that are held back', () => {
  test('are those of policies where no backend says more', () => {
    expect(holdbackOf(CALL, [3, 0], [], undefined)).toEqual([3, 0]);
  });

  test('are those behind what a backend has judged for good', () => {
    expect(holdbackOf(CALL, [], [judged(first, TEXT.indexOf('And'))], undefined)).toEqual([
      'And then'.length,
      0,
    ]);
  });

  test('are the most of policies and backends', () => {
    const results = [judged(first, 30), judged(first, 24)];
    expect(holdbackOf(CALL, [4, 2], results, undefined)).toEqual([TEXT.length - 24, 2]);
    expect(holdbackOf(CALL, [20, 2], results, undefined)).toEqual([20, 2]);
  });

  test('are counted in the text as it is returned', () => {
    const rome = edit('Rome', '[CITY]');
    const held = holdbackOf(CALL, [], [judged(first, 14, rome)], redaction(rome));
    expect(held[0]).toBe(TEXT.slice(14).length + 2);
  });

  test('begin with an edit that lies across the place', () => {
    const rome = edit('Rome. And', '#');
    const held = holdbackOf(CALL, [], [judged(first, TEXT.indexOf('. And'), rome)], redaction(rome));
    expect(held[0]).toBe('# then'.length);
  });

  test('are told by one of several that each see what those before left', () => {
    const dana = edit('Dana', '<PERSON>');
    const left = withTexts(CALL, redaction(dana).texts);
    const [shown] = left.passages.all as [Passage];
    const place = shown.text.indexOf('lives');
    const held = holdbackOf(CALL, [], [judged(first, 30, dana), judged(shown, place)], redaction(dana));
    expect(held[0]).toBe(TEXT.slice(TEXT.indexOf('lives')).length);
  });
});
