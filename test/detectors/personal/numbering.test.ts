import plans from 'libphonenumber-js/min/metadata';
import examples from 'libphonenumber-js/mobile/examples';
import { describe, expect, test } from 'vitest';
import { isInternational, nationalForm, phoneCountries } from '../../../src/detectors/personal/numbering.ts';

const countries = Object.entries(examples as Record<string, string>);
const codeOf = (country: string) => String(plans.countries[country as 'DE']?.[0]);

/** The library describes the lists of its data, and may change them: then this fails. */
describe('numbering plans', () => {
  test('are those of all countries', () => {
    expect(phoneCountries().length).toBeGreaterThan(240);
  });

  test('know the mobile number that is an example of each country', () => {
    expect(countries.length).toBeGreaterThan(240);
    const unknown = countries.filter(
      ([country, number]) => !isInternational(codeOf(country) + number, false),
    );
    expect(unknown).toEqual([]);
  });

  test.each<[readonly string[], string, string | undefined]>([
    [['030', '1234567'], 'DE', 'prefixed'],
    [['30', '1234567'], 'DE', undefined],
    [['415', '555', '2671'], 'US', 'grouped'],
    [['4155', '552671'], 'US', 'short'],
    [['06', '12345678'], 'IT', 'prefixed'],
    [['011', '15', '2345', '6789'], 'AR', 'prefixed'],
    [['115', '555', '2671'], 'US', undefined],
  ])('tell how %j is written in %s', (groups, country, form) => {
    expect(nationalForm(groups, [country])).toBe(form);
  });
});
