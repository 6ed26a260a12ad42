import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { DecisionRow } from '../../src/decisions/row.ts';
import { DecisionRing } from '../../src/ui/decision-ring.ts';
import { blocked, row } from '../support/decisions.ts';
import { HOSTILE_NAMES, hostileRows } from '../support/hostile-rows.ts';
import { fakeSource, picture, servedUi } from '../support/page-source.ts';
import { fileBrowser } from './opened.ts';
import { isLive, openPage } from './watched-page.ts';

const browser = fileBrowser();
const REF = '549861e136ee05f5';
const late = { backend: 'akto', mode: 'enforce', result: 'timeout', ms: 1 } as never;
const would = {
  kind: 'pii',
  enforced: false,
  verdict: 'redact',
  reason_code: 'pii',
  rules: ['email'],
} as const;
const round = { litellm_call_id: 'streamed', input_type: 'response', streamed: true } as const;

/** Of these the last 200 are told. */
const DECISIONS: readonly DecisionRow[] = [
  ...hostileRows(),
  row({ at: Date.now() - 3 * 86_400_000 }),
  blocked(REF, { at: Date.now() - 2 * 86_400_000 }),
  ...[row({ ms: 0.05 }), row({ ms: 12 }), row({ team: 'search' })],
  row({ backends: [late] }),
  row({ verdict: 'redact', by: 'pii,secrets', backends: [late] }),
  row({ policies: [would] }),
  ...[row(round), row(round), row(), blocked(REF, round), row({ ...round, verdict: 'redact', by: 'pii' })],
  row({ verdict: 'defer', category: 'overloaded', litellm_call_id: null, ms: 1500 }),
  row({ verdict: 'cancelled', team: null, key: null, model: null }),
  row({ verdict: 'remove', by: 'bridge', litellm_call_id: 'f'.repeat(200) }),
];

test('a row that comes live is the row that a load gives, whatever its names are', async () => {
  const ring = new DecisionRing();
  const url = await servedUi(fakeSource({ picture: async () => picture({ startedAt: 0 }) }, ring));
  const { page, complaints } = await openPage(browser(), { url });
  await page.goto('/ui');
  await isLive(page);
  for (let i = 0; i < DECISIONS.length; i += 100) {
    for (const decision of DECISIONS.slice(i, i + 100)) ring.decided(decision);
    await wait(600);
  }
  const rowsOf = () =>
    page.evaluate(async () => {
      const whole = new DOMParser().parseFromString(await (await fetch('/ui')).text(), 'text/html');
      return [document, whole].map((one) =>
        [...(one.querySelector('#rows')?.children ?? [])].map((each) =>
          each.outerHTML.replace(/>\s+</g, '><'),
        ),
      );
    });
  const [live = [], loaded = []] = await rowsOf();
  expect(loaded.length).toBeGreaterThan(HOSTILE_NAMES.length);
  expect(live.slice(0, loaded.length)).toEqual(loaded);
  expect(complaints).toEqual([]);
});
