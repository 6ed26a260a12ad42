import { describe, expect, test } from 'vitest';
import { piiDetector } from '../../../src/policies/kinds/pii-detector.ts';
import { created, judged } from '../../support/judged.ts';

const MAIL = 'dana.moreau@mail.example.com';
const CARD = '4111 1111 1111 1111';
const SSN = '123-45-6789';
const TEXT = `${MAIL}, ${CARD}, ${SSN}, fe80::1`;

describe('pii-detector', () => {
  test('redacts with labels by default, in requests and responses', () => {
    expect(judged(piiDetector, {}, TEXT)).toEqual({
      verdict: 'redact',
      rules: ['email-address', 'credit-card', 'us-ssn', 'ip-address'],
      text: '[EMAIL_ADDRESS], [CREDIT_CARD], [US_SSN], [IP_ADDRESS]',
    });
    const { texts } = created(piiDetector, {}).policy;
    expect(texts).toMatchObject({
      on: ['request', 'response'],
      reasonCode: 'pii_detected',
      isReversible: false,
    });
    expect(judged(piiDetector, {}, 'nothing here').verdict).toBe('allow');
  });

  test('blocks under action: block', () => {
    expect(judged(piiDetector, { action: 'block' }, TEXT).verdict).toBe('block');
    expect(judged(piiDetector, { action: 'block' }, 'nothing here').verdict).toBe('allow');
  });

  test.each<[string, object, string]>([
    ['asterisks', { marker_format: 'asterisks' }, '***, ***, ***, ***'],
    [
      'asterisks as long as the value',
      { marker_format: 'asterisks', preserve_length: true },
      [MAIL, CARD, SSN, 'fe80::1'].map(({ length }) => '*'.repeat(length)).join(', '),
    ],
    ['parts', { marker_format: 'partial' }, 'd***@mail.example.com, ***1111, ***6789, ***'],
    [
      'parts as long as the value',
      { marker_format: 'partial', preserve_length: true },
      `d${'*'.repeat(10)}@mail.example.com, ${'*'.repeat(15)}1111, ${'*'.repeat(7)}6789, *******`,
    ],
    [
      'labels as long as the value',
      { preserve_length: true },
      `[EMAIL_ADDRESS]${'*'.repeat(13)}, [CREDIT_CARD]${'*'.repeat(6)}, [US_SSN]***, *******`,
    ],
    [
      'custom markers',
      { custom_markers: { email: '<mail>', US_SSN: '###', 'credit-card': '' } },
      '<mail>, , ###, [IP_ADDRESS]',
    ],
    [
      'reversible markers',
      { reversible: true, custom_markers: { SSN: '<ssn>' } },
      '[EMAIL_ADDRESS_1], [CREDIT_CARD_1], <ssn>_1, [IP_ADDRESS_1]',
    ],
  ])('writes %s', (_, redaction, text) => {
    expect(judged(piiDetector, { redaction }, TEXT).text).toBe(text);
  });

  test('shows nothing of a short value', () => {
    const { text } = judged(
      piiDetector,
      { redaction: { marker_format: 'partial' } },
      'a@b.example 10.0.0.1 192.168.100.200',
    );
    expect(text).toBe('*** *** ***0.200');
  });

  test('numbers the values where the response gets them back', () => {
    const { text } = judged(
      piiDetector,
      { redaction: { reversible: true } },
      'a@b.example, c@d.example, a@b.example',
    );
    expect(text).toBe('[EMAIL_ADDRESS_1], [EMAIL_ADDRESS_2], [EMAIL_ADDRESS_1]');
  });

  test('does not find its own markers', () => {
    for (const marker_format of ['label', 'asterisks', 'partial'] as const) {
      const { text } = judged(piiDetector, { redaction: { marker_format } }, TEXT);
      expect(judged(piiDetector, {}, text).text).toBe(text);
    }
  });

  test.each<[string, object, string[]]>([
    ['a list', { entities: ['EMAIL_ADDRESS', 'ssn'] }, ['email-address', 'us-ssn']],
    ['a list and pci_mode', { entities: ['US_SSN'], pci_mode: true }, ['credit-card', 'us-ssn']],
    ['no pci_mode', { pci_mode: false }, ['email-address', 'us-ssn', 'ip-address']],
    ['no pci_mode, but a card in the list', { pci_mode: false, entities: ['CREDIT_CARD'] }, ['credit-card']],
  ])('looks for the entities chosen by %s', (_, options, rules) => {
    expect(judged(piiDetector, options, TEXT).rules).toEqual(rules);
  });

  test('looks for numbers of patients in healthcare mode only', () => {
    const text = 'MRN: 00123456, NPI 1234567893, member id: ABC123456789';
    expect(judged(piiDetector, {}, text).text).toBe(text);
    expect(judged(piiDetector, { healthcare_mode: true }, text).text).toBe(
      'MRN: [MEDICAL_RECORD_NUMBER], NPI [US_NPI], member id: [HEALTH_INSURANCE_ID]',
    );
    expect(judged(piiDetector, { entities: ['MRN'] }, text).rules).toEqual(['medical-record-number']);
  });

  test.each<[readonly string[], string, string]>([
    [['DE'], '030/1234567, 0171 1234567, 01711234567', '[PHONE_NUMBER], [PHONE_NUMBER], [PHONE_NUMBER]'],
    [['us', 'FR'], '(415) 555-2671 or 06 12 34 56 78', '[PHONE_NUMBER] or [PHONE_NUMBER]'],
    [['ES'], '612 34 56 78', '[PHONE_NUMBER]'],
    [['DK'], 'Telefon: 32123456', 'Telefon: [PHONE_NUMBER]'],
    [['CN'], 'Tel. 13812345678', 'Tel. [PHONE_NUMBER]'],
    [['DE'], '415-555-2671', '415-555-2671'],
    [[], '612 34 56 78', '612 34 56 78'],
    [
      ['DK', 'ES', 'PL'],
      '2026-11-27, 27.11.2026, 12345-6789, 1.2.3.4, 99 12 ab 34',
      '2026-11-27, 27.11.2026, 12345-6789, 1.2.3.4, 99 12 ab 34',
    ],
  ])('finds the phone numbers of %j', (phone_countries, text, expected) => {
    expect(judged(piiDetector, { phone_countries }, text).text).toBe(expected);
  });

  test('refuses codes of no country', () => {
    const { mistakes } = created(piiDetector, { phone_countries: ['DE', 'UKK', 'Germany'] });
    expect(mistakes).toEqual([
      'phone_countries[1]: "UKK" is no code of a country (ISO 3166: DE, US)',
      'phone_countries[2]: "Germany" is no code of a country (ISO 3166: DE, US)',
    ]);
  });

  test('warns of entities that need a model, and refuses misspelt ones', () => {
    const { warnings, mistakes } = created(piiDetector, { entities: ['PERSON', 'LOCATION', 'EMAIL_ADRESS'] });
    expect(warnings).toEqual([
      'entities: PERSON, LOCATION: not found here, which takes a model; add a backend such as Presidio',
    ]);
    expect(mistakes).toEqual([
      'entities[2]: "EMAIL_ADRESS" is no entity that is known here; did you mean EMAIL_ADDRESS?',
    ]);
  });

  test('finds own patterns, each with its own action', () => {
    const detect_patterns = ['EMP-\\d{6}', { name: 'Case number', regex: 'CASE/\\d+', action: 'block' }];
    expect(judged(piiDetector, { detect_patterns }, 'EMP-123456')).toMatchObject({
      verdict: 'redact',
      text: '[PATTERN_1]',
    });
    expect(judged(piiDetector, { detect_patterns }, 'CASE/7')).toMatchObject({
      verdict: 'block',
      rules: ['case-number'],
    });
    const redaction = { custom_markers: { 'case-number': '<case>' } };
    expect(judged(piiDetector, { detect_patterns, redaction }, 'CASE/7').text).toBe('<case>');
  });

  test.each<[string, object, string]>([
    ['a pattern that looks around', { detect_patterns: ['(?=a)b'] }, 'detect_patterns[0]: looks around'],
    [
      'an unknown marker',
      { redaction: { custom_markers: { EMIAL: '' } } },
      'redaction.custom_markers.EMIAL: is no entity',
    ],
    [
      'a marker that cannot be undone',
      { redaction: { reversible: true, marker_format: 'asterisks' } },
      'redaction.reversible: ',
    ],
    [
      'a length that cannot be kept',
      { redaction: { reversible: true, preserve_length: true } },
      'redaction.reversible: ',
    ],
    [
      'two patterns of one name',
      {
        detect_patterns: [
          { name: 'A b', regex: 'a' },
          { name: 'a-B', regex: 'b' },
        ],
      },
      'detect_patterns[1].name: "a-B" is the name of an earlier pattern',
    ],
  ])('refuses %s', (_, options, mistake) => {
    const { mistakes } = created(piiDetector, options);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain(mistake);
  });

  test('warns of options that it does not apply', () => {
    expect(created(piiDetector, { redaction: { include_metadata: false } }).warnings).toHaveLength(1);
    expect(created(piiDetector, { action: 'block', redaction: { reversible: true } }).warnings).toHaveLength(
      1,
    );
    expect(() => created(piiDetector, { actoin: 'block' })).toThrow();
  });
});
