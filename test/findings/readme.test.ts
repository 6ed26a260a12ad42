import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FINDING_CODES, FINDINGS } from '../../src/findings/finding.ts';
import { SHOWN_BY_CALLS } from '../../src/findings/live-texts.ts';

const guide = readFileSync(join(import.meta.dirname, '..', '..', 'src', 'findings', 'README.md'), 'utf8');
/** Code, severity, what shows it in live traffic, what to do. */
const rows = [...guide.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$/gm)].map(([, ...cells]) => cells);

test('the guide has a row for each code, with its severity and what to do', () => {
  const known = rows.map(([code, severity]) => `${code} ${severity}`).sort();
  expect(known).toEqual(FINDING_CODES.map((code) => `${code} ${FINDINGS[code]}`).sort());
});

test('the guide says of each finding of live traffic what shows it', () => {
  const byCalls = rows.filter(([, , live]) => live?.startsWith('calls: ')).map(([code]) => code);
  expect(byCalls.sort()).toEqual(Object.keys(SHOWN_BY_CALLS).sort());
});
