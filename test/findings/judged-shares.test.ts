import { describe, expect, test } from 'vitest';
import { FINDING_CODES } from '../../src/findings/finding.ts';
import { JudgedShares } from '../../src/findings/judged-shares.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { ComparedCall } from '../../src/records/protocol.ts';

const START = 1_800_000_000_000;

/** Compares calls, one a second, and counts those that show something. */
function compared(release: string | null = '1.110.2') {
  const metrics = createMetrics({ backends: [], policies: [], findings: FINDING_CODES }, () => [], false);
  const shown: Record<string, number> = {};
  const shares = new JudgedShares({
    metrics,
    release: () => release,
    shown: (code, calls) => {
      shown[code] = (shown[code] ?? 0) + calls;
    },
  });
  let at = START;
  const see = (call: Partial<ComparedCall> = {}, times = 1) => {
    for (let i = 0; i < times; i++) {
      at += 1000;
      shares.compared([{ ...JUDGED, startedAt: at, endedAt: at, at, ...call }]);
    }
  };
  return { see, shown, metrics };
}

const JUDGED: Omit<ComparedCall, 'startedAt' | 'endedAt' | 'at'> = {
  ...{ endpoint: '/v1/chat/completions', direction: 'response', model: 'house-model', key: 'hash' },
  ...{ hasText: true, request: true, response: true },
};
const UNASKED = { response: false };
const UNJUDGED = { request: false, response: false };
const CLAIMED = { ...UNJUDGED, isClaimed: true } as const;
const LATE = { request: false };

/** The same numbers each time. */
function* chances(share: number): Generator<boolean> {
  for (let state = 1; ; ) {
    state = (state * 48_271) % 2_147_483_647;
    yield state / 2_147_483_647 < share;
  }
}

describe('shows nothing', () => {
  test('for calls that are judged on both sides', () => {
    const { see, shown, metrics } = compared();
    see({}, 1000);
    expect(shown).toEqual({});
    expect(metrics.unasked_responses_total.countOf({})).toBe(0);
  });

  test('where the bridge only monitors', () => {
    const { see, shown, metrics } = compared();
    see(UNJUDGED, 1000);
    expect(shown).toEqual({});
    expect(metrics.unjudged_successes_total.countOf({})).toBe(1000);
  });

  test.each([
    ['responses without text', { hasText: false, response: false }],
    ['embeddings', { endpoint: '/v1/embeddings', response: false } as const],
  ])('for %s', (_, call) => {
    const { see, shown } = compared();
    see(call, 100);
    expect(shown).toEqual({});
  });

  test('for streams that a release does not show', () => {
    const call = { endpoint: '/v1/completions', direction: 'stream', response: false } as const;
    const [old, recent] = [compared('1.83.14'), compared('1.110.2')];
    for (const { see } of [old, recent]) see(call, 100);
    expect([old.shown, recent.shown]).toEqual([{}, { post_call_missing: 100 }]);
  });

  test.each([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97])(
    'where requests choose if they are judged, and %s of them do not',
    (share) => {
      const { see, shown } = compared();
      // The first calls tell least
      see();
      const unjudged = chances(share);
      for (let i = 0; i < 20_000; i++) see(unjudged.next().value === true ? UNJUDGED : {});
      expect(shown).toEqual({});
    },
  );

  test('where some keys or models are never judged, however much they call at once', () => {
    const { see, shown } = compared();
    see({}, 100);
    see({ ...UNJUDGED, key: 'other' }, 1000);
    see({ ...UNJUDGED, model: 'other-model' }, 1000);
    see({}, 100);
    expect(shown).toEqual({});
  });

  test('where another replica judges every other side', () => {
    const { see, shown } = compared();
    const sides = chances(0.5);
    for (let i = 0; i < 20_000; i++)
      see({ request: sides.next().value === true, response: sides.next().value === true });
    expect(shown).toEqual({});
  });

  test('where a team alone chose to have responses judged', () => {
    const { see, shown } = compared();
    see({}, 20);
    for (let i = 0; i < 200; i++) {
      see();
      see({ ...UNASKED, endpoint: '/v1/messages', key: 'other' });
      see({ ...UNASKED, direction: 'stream', key: 'other' });
    }
    expect(shown).toEqual({});
  });

  test('the second night of a job that is not judged, while others are', () => {
    const { see, shown } = compared();
    const night = () => {
      see({}, 300);
      for (let i = 0; i < 300; i++) {
        see(UNJUDGED);
        see({ key: 'other' });
      }
      see({}, 300);
    };
    night();
    expect(shown).toEqual({ calls_unjudged: 300 });
    night();
    expect(shown).toEqual({ calls_unjudged: 300 });
  });

  test('where another bridge, of which we know nothing, judges a part, or all of a few', () => {
    const { see, shown } = compared();
    const ours = chances(0.9);
    for (let i = 0; i < 2000; i++) see(ours.next().value === true ? {} : CLAIMED);
    see(CLAIMED, 100);
    const { see: seeAlone, shown: shownAlone } = compared();
    seeAlone({}, 5);
    seeAlone(CLAIMED, 100);
    expect([shown, shownAlone]).toEqual([{}, {}]);
  });
});

describe('shows', () => {
  test('calls that fail_open let pass: LiteLLM says that they were judged, and no bridge was asked', () => {
    const { see, shown, metrics } = compared();
    see({}, 37);
    see(CLAIMED, 41);
    expect(shown).toEqual({ calls_unjudged: 41 });
    expect(metrics.unjudged_successes_total.countOf({})).toBe(41);
  });

  test.each([0.25, 0.5])('calls of one proxy of several, %s of all, as long as it judges none', (part) => {
    const { see, shown } = compared();
    see({}, 500);
    const unjudged = chances(part);
    for (let hour = 1; hour <= 3; hour++) {
      const before = shown.calls_unjudged ?? 0;
      for (let i = 0; i < 3600; i++) see(unjudged.next().value === true ? UNJUDGED : {});
      expect((shown.calls_unjudged ?? 0) - before).toBeGreaterThan(3600 * part * 0.9);
    }
  });

  test.each([
    ['all of them', 1],
    ['half of them', 0.5],
  ])('calls of a thousand keys that are judged no more, %s, within some calls of any', (_, part) => {
    const { see, shown } = compared();
    for (let i = 0; i < 14_000; i++) see({ key: `key ${i % 1000}` });
    const unjudged = chances(part);
    for (let i = 0; i < 60; i++)
      see({ ...(unjudged.next().value === true ? UNJUDGED : {}), key: `key ${(i * 7) % 1000}` });
    expect(shown.calls_unjudged).toBeGreaterThan(60 * part * 0.7);
  });

  test('requests whose responses nobody ever asked about, from the first on', () => {
    const { see, shown, metrics } = compared();
    see(UNASKED, 12);
    expect(shown).toEqual({ post_call_missing: 12 });
    expect(metrics.unasked_responses_total.countOf({})).toBe(12);
  });

  test('streams that are never judged, where responses are', () => {
    const { see, shown } = compared();
    see({}, 100);
    see({ ...UNASKED, direction: 'stream' }, 12);
    expect(shown).toEqual({ post_call_missing: 12 });
  });

  test('responses whose requests nobody asked about', () => {
    const { see, shown } = compared();
    see(LATE, 12);
    expect(shown).toEqual({ pre_call_missing: 12 });
  });

  test.each([
    ['responses that are judged no more', UNASKED, 'post_call_missing'],
    ['requests that are judged no more', LATE, 'pre_call_missing'],
    ['calls that are judged no more', UNJUDGED, 'calls_unjudged'],
  ])('%s', (_, call, code) => {
    const { see, shown } = compared();
    see({}, 20);
    see(call, 12);
    expect(shown).toEqual({ [code]: 12 });
  });

  test('calls that are judged no more, where half of them were', () => {
    const { see, shown } = compared();
    for (let i = 0; i < 200; i++) see(i % 2 === 0 ? UNJUDGED : {});
    see(UNJUDGED, 20);
    expect(shown).toEqual({});
    see(UNJUDGED, 20);
    expect(shown).toEqual({ calls_unjudged: 40 });
  });

  test('nothing more once calls are judged again, and as soon the next time', () => {
    const { see, shown } = compared();
    see({}, 20);
    see(UNJUDGED, 500);
    see({}, 5);
    see(UNJUDGED, 12);
    expect(shown).toEqual({ calls_unjudged: 512 });
  });

  test('for an hour what is the new order then, where others are judged as before', () => {
    const { see, shown } = compared();
    for (let i = 0; i < 20; i++) see();
    for (let i = 0; i < 4000; i++) {
      see({ key: 'other' });
      see(UNJUDGED);
    }
    expect(shown.calls_unjudged).toBeGreaterThan(1700);
    expect(shown.calls_unjudged).toBeLessThan(1900);
  });

  test('as long as it lasts what hits everybody', () => {
    const { see, shown } = compared();
    see({}, 20);
    see(UNJUDGED, 8000);
    expect(shown.calls_unjudged).toBe(8000);
  });
});
