import { describe, expect, test } from 'vitest';
import { dlpFilter } from '../../../src/policies/kinds/dlp-filter.ts';
import { created, judged } from '../../support/judged.ts';

describe('dlp-filter', () => {
  test.each<[string, object, string, object]>([
    [
      'a pattern',
      { detect_patterns: ['EMP-\\d{6}'] },
      'It is EMP-123456.',
      { verdict: 'redact', rules: ['pattern-1'], text: 'It is [REDACTED].' },
    ],
    [
      'a pattern with a name',
      { patterns: [{ name: 'API key', regex: '(sk-|gsk_)[A-Za-z0-9]+' }] },
      'key gsk_abc1',
      { verdict: 'redact', rules: ['api-key'], text: 'key [REDACTED]' },
    ],
    [
      'a term in any letter case',
      { blocked_terms: ['Project Nightfall'] },
      'what is PROJECT nightfall?',
      { verdict: 'redact', rules: ['term-1'], text: 'what is [REDACTED]?' },
    ],
    [
      'a text that is close to a term',
      { blocked_terms: ['project nightfall'], fuzzy_matching: true, max_distance: 2 },
      'what is projct-nightfal?',
      { verdict: 'redact', rules: ['term-1-fuzzy'], text: 'what is [REDACTED]?' },
    ],
    [
      'a term within a word, with fuzzy matching too',
      { blocked_terms: ['nightfall'], fuzzy_matching: true, max_distance: 0 },
      'xnightfally, 2nightfall3',
      { verdict: 'redact', rules: ['term-1'], text: 'x[REDACTED]y, 2[REDACTED]3' },
    ],
    [
      'no part of a term',
      { blocked_terms: ['nightfall'] },
      'project nightfal',
      { verdict: 'allow', rules: [] },
    ],
  ])('finds %s', (_, options, text, expected) => {
    expect(judged(dlpFilter, options, text)).toMatchObject(expected);
  });

  test('takes the action of a pattern before that of the policy', () => {
    const options = {
      detect_patterns: [{ name: 'harmless', regex: 'AAA+', action: 'redact' }],
      patterns: ['BBB+', { name: 'worst', regex: 'CCC+', action: 'block' }],
      blocked_terms: ['secret sauce'],
    };
    const verdict = (action: string, text: string) => judged(dlpFilter, { ...options, action }, text).verdict;
    expect(verdict('redact', 'AAA BBB secret sauce')).toBe('redact');
    expect(verdict('redact', 'AAA CCC')).toBe('block');
    expect(verdict('block', 'AAA')).toBe('redact');
    expect(verdict('block', 'BBB')).toBe('block');
    expect(verdict('block', 'secret sauce')).toBe('block');
    expect(judged(dlpFilter, options, 'AAA BBB').rules).toEqual(['harmless', 'pattern-2']);
  });

  test('judges texts of requests and responses', () => {
    expect(created(dlpFilter, { blocked_terms: ['a'] }).policy.texts).toMatchObject({
      on: ['request', 'response'],
      reasonCode: 'dlp_violation',
    });
  });

  test.each<[string, object, string]>([
    [
      'a pattern that refers to a group',
      { patterns: [{ name: 'x', regex: '(a)\\1' }] },
      'patterns[0].regex: refers to a group',
    ],
    ['a name without letters', { patterns: [{ name: '!', regex: 'a' }] }, 'patterns[0].name: must have'],
    ['an empty term', { blocked_terms: ['a', ' '] }, 'blocked_terms[1]: is empty'],
    [
      'a term that is too short for its distance',
      { blocked_terms: ['abcd'], fuzzy_matching: true, max_distance: 2 },
      'blocked_terms[0]: is too short for a distance of 2',
    ],
  ])('refuses %s', (_, options, mistake) => {
    const { mistakes } = created(dlpFilter, options);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain(mistake);
  });

  test('warns of levels, and of having nothing to find', () => {
    expect(created(dlpFilter, { blocked_terms: ['a'], sensitivity_level: 'high' }).warnings).toHaveLength(1);
    expect(created(dlpFilter, {}).warnings).toHaveLength(1);
    expect(created(dlpFilter, { blocked_terms: ['a'], sensitivity_level: 'standard' }).warnings).toEqual([]);
  });

  test.each([
    { max_distance: 9 },
    { max_distance: 1.5 },
    { sensitivity_level: 'top' },
    { terms: [] },
    { patterns: [{ name: 'x' }] },
  ])('refuses the options %j', (options) => {
    expect(() => created(dlpFilter, options)).toThrow();
  });
});
