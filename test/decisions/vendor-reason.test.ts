import { describe, expect, test } from 'vitest';
import { vendorReason } from '../../src/decisions/vendor-reason.ts';

describe('words for kinds of content, and of a verdict, stay', () => {
  test.each([
    ['Prompt injection detected', 'Prompt injection detected'],
    ['Toxicity', 'Toxicity'],
    ['prompt_attack, pii/email', 'prompt_attack pii/email'],
    ['PromptInjection: self-harm', 'PromptInjection self-harm'],
    ['Violates policy acme-strict: prompt injection', 'Violates policy […] prompt injection'],
    ['Prompt attack in message 3', 'Prompt attack […] message […]'],
    ['Blocked by policy "PII filter"', 'Blocked […] policy […]'],
  ])('%s', (reason, told) => {
    expect(vendorReason(reason)).toBe(told);
  });
});

describe('nothing of a text is told', () => {
  test.each([
    ['a name', 'detected password Hunter', 'detected password […]'],
    ['a name in other letters', 'Person: Ivan Petrov Gazprom', undefined],
    ['a quotation without marks', 'Flagged: I attempted suicide after abuse by my company', 'Flagged […]'],
    ['a number', 'credit card 4111-1111-1111-1111', 'credit card […]'],
    ['an address', 'email ada@example.com', 'email […]'],
    ['what is encoded', 'prompt injection aGVsbG8gd29ybGQ=', 'prompt injection […]'],
    ['a known word within another', 'detected jailbreaksecretplan', 'detected […]'],
    [
      'a sentence of words that everybody knows',
      'I attempted suicide after sexual abuse by my company',
      undefined,
    ],
    ['a story', 'The user wants to hurt the neighbour', undefined],
    ['nothing', '', undefined],
  ])('%s', (_, reason, told) => {
    expect(vendorReason(reason)).toBe(told);
  });

  test.each([
    '"sexual abuse"',
    '“sexual abuse”',
    '«sexual abuse»',
    '`sexual abuse`',
    "'sexual abuse'",
    '‘sexual abuse’',
    '"he said "sexual abuse" there"',
    '"sexual abuse',
    '\\"sexual abuse\\"',
    '\\u0022sexual abuse\\u0022',
    '&quot;sexual abuse&quot;',
    '&#39;sexual abuse&#x27;',
    '%22sexual abuse%22',
    '"s\u200bexual abuse"',
  ])('in quotation marks: %s', (quoted) => {
    expect(vendorReason(`Flagged text: ${quoted}`)).toBeOneOf([undefined, 'Flagged […]']);
    expect(vendorReason(`Policy violation flagged: ${quoted}`)).toBe('Policy violation flagged […]');
  });
});

test('a long reason is cut', () => {
  expect(vendorReason('unsafe content '.repeat(100))).toHaveLength(200);
});
