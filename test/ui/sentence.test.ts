import { expect, test } from 'vitest';
import { type BridgeFinding, FINDING_CODES, type FindingCode } from '../../src/findings/finding.ts';
import type { Picture } from '../../src/ui/page-source.ts';
import { topSentence } from '../../src/ui/sentence.ts';
import { minute, picture } from '../support/page-source.ts';

const AT = Date.parse('2026-11-27T20:14:03Z');
const finding = (code: FindingCode, subject?: string): BridgeFinding => ({
  ...{ code, message: 'it is wrong', advice: 'mend it' },
  ...(subject !== undefined && { subject }),
});

test.each<[string, Partial<Picture>, string, string]>([
  ['all is well', {}, 'good', 'All well.'],
  [
    'a vendor fails',
    { status: 'degraded', unhappy: ['akto', 'findings'], findings: [finding('backend_failing', 'akto')] },
    'bad',
    'Look at the vendor akto.',
  ],
  [
    'LiteLLM is wired wrong',
    { status: 'degraded', unhappy: ['findings'], findings: [finding('post_call_missing')] },
    'bad',
    'Look at the wiring of LiteLLM.',
  ],
  [
    'LiteLLM is old',
    { findings: [finding('release_unsupported')] },
    'care',
    'Look at the wiring of LiteLLM.',
  ],
  [
    'a vendor takes no records',
    { status: 'degraded', findings: [finding('records_stopped', 'akto')] },
    'bad',
    'Look at the vendor akto.',
  ],
  [
    'the bridge cannot store records',
    { status: 'degraded', unhappy: ['outbox', 'findings'], findings: [finding('records_stopped', 'outbox')] },
    'bad',
    'Look at this bridge and at its outbox.',
  ],
  ['the database is down', { status: 'degraded', unhappy: ['database'] }, 'care', 'Look at the database.'],
  [
    'several at once',
    {
      status: 'degraded',
      findings: [
        finding('backend_failing', 'akto'),
        finding('backend_unauthorized', 'lakera'),
        finding('fail_open'),
      ],
    },
    'bad',
    'Look at the vendors akto and lakera and at the wiring of LiteLLM.',
  ],
  [
    'calls are bypassed',
    {
      minutes: [minute(AT - 240_000, { bypassed: 3 }), minute(AT - 60_000, { bypassed: 4 })],
      lastBypassAt: AT - 30_000,
    },
    'bad',
    'Calls are bypassed since 20:10: they go on without the verdict of a vendor.',
  ],
  [
    'calls were bypassed, and no more',
    {
      minutes: [minute(AT - 600_000, { bypassed: 3 }), minute(AT - 480_000, { bypassed: 24 }), minute(AT)],
      lastBypassAt: AT - 450_000,
    },
    'care',
    'All well now. 27 calls were bypassed from 20:04 to 20:06.',
  ],
  [
    'LiteLLM is refused after a vendor was down',
    {
      ...{ status: 'degraded', unhappy: ['akto', 'findings'], lastBypassAt: AT - 480_000 },
      minutes: [minute(AT - 480_000, { bypassed: 1 }), minute(AT)],
      findings: [
        finding('backend_failing', 'akto'),
        { ...finding('guardrail_key_wrong'), since: '2026-11-27T20:12:16Z' },
      ],
    },
    'bad',
    'Guardrail calls of LiteLLM are refused since 20:12. Look at the wiring of LiteLLM and at the vendor akto. 1 call was bypassed at 20:06.',
  ],
  [
    'a worker is missing',
    { status: 'degraded', unhappy: ['workers'], workers: { up: 3, wanted: 4 } },
    'care',
    '3 of 4 workers are up.',
  ],
  ['it drains', { status: 'draining' }, 'care', 'This bridge is ending, and takes no new calls.'],
])('%s: %#', (_, changes, tone, headline) => {
  const told = topSentence(picture({ at: AT, ...changes }));
  expect([told.tone, told.headline]).toEqual([tone, headline]);
});

test.each<[Partial<Picture>, string]>([
  [{}, '212 decisions a minute, p50 0.3 ms, no bypass since the start 3 days ago.'],
  [
    { decisionsAMinute: 1, lastBypassAt: AT - 12_000 },
    '1 decision a minute, p50 0.3 ms, last bypass 12 s ago.',
  ],
  [
    { minutes: [minute(AT, { bypassed: 27 })], lastBypassAt: AT - 12_000 },
    '212 decisions a minute, p50 0.3 ms, 27 bypassed in the last hour, the last 12 s ago.',
  ],
  [
    { decisionsAMinute: 12_480.4, p50Ms: 0.054 },
    '12,480 decisions a minute, p50 54 µs, no bypass since the start 3 days ago.',
  ],
  [{ decisionsAMinute: 0, p50Ms: null }, '0 decisions a minute, no bypass since the start 3 days ago.'],
  [
    { startedAt: AT - 19_300_000, p50Ms: 1500 },
    '212 decisions a minute, p50 1.5 s, no bypass since the start 5 h 21 min ago.',
  ],
])('the figures behind it: %#', (changes, figures) => {
  expect(topSentence(picture({ at: AT, ...changes })).figures).toBe(figures);
});

test('each finding is somebody’s, and most are of the wiring of LiteLLM', () => {
  const places = FINDING_CODES.map((code) => topSentence(picture({ findings: [finding(code)] })).headline);
  expect(Object.groupBy(FINDING_CODES, (_, i) => places[i] ?? '')).toMatchObject({
    'Look at this bridge.': expect.arrayContaining(['settings_doubtful', 'bridge_degraded']),
    'Look at a vendor.': ['backend_unreachable', 'backend_unauthorized', 'backend_failing'],
  });
  const others = /^(?:backend|bridge|settings|records|policy|database)_/;
  for (const [i, code] of FINDING_CODES.entries())
    expect([code, places[i]?.endsWith('Look at the wiring of LiteLLM.')]).toEqual([code, !others.test(code)]);
});
