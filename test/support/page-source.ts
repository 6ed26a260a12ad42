import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { onTestFinished } from 'vitest';
import { DecisionRing } from '../../src/ui/decision-ring.ts';
import type { Minute, PageSource, Picture, ShownCounts } from '../../src/ui/page-source.ts';
import { createUi, type UiOptions } from '../../src/ui/ui.ts';

const MINUTE_MS = 60_000;

/** A minute in which all calls were allowed. */
export const minute = (at: number, changes: Partial<Minute> = {}): Minute => ({
  ...{ at, allowed: 200, redacted: 0, blocked: 0, bypassed: 0, undecided: 0, p50Ms: 0.3, p99Ms: 2 },
  ...changes,
});

/** A picture in which all is well. */
export function picture(changes: Partial<Picture> = {}): Picture {
  const at = changes.at ?? Date.now();
  const begin = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  return {
    ...{ at, release: '0.2.0', replica: 'a1', startedAt: at - 3 * 86_400_000, status: 'ready' },
    ...{ unhappy: [], findings: [], workers: undefined },
    minutes: Array.from({ length: 60 }, (_, i) => minute(begin - (59 - i) * MINUTE_MS)),
    ...{ decisionsAMinute: 212, p50Ms: 0.3, p99Ms: 2, lastBypassAt: null },
    backends: [
      {
        ...{ name: 'akto', mode: 'enforce', breaker: 'closed', isRefused: false, failing: null },
        ...{ checks: 12_480, failures: 0, p50Ms: 4, lastFailure: null },
      },
    ],
    backlogs: [
      {
        ...{ backend: 'akto', due: 0, oldestAt: null, nextTryAt: null, reason: null },
        ...{ dead: 0, deadBy: {} },
      },
    ],
    policies: {
      ...{ file: 'policies.yaml', version: '7c1f0a2b', rules: 3 },
      chain: [
        { kind: 'secrets', enforced: true },
        { kind: 'pii-detector', enforced: false },
      ],
    },
    ...changes,
  };
}

/** Counts of days without a decision. */
export const counts = (changes: Partial<ShownCounts> = {}): ShownCounts => ({
  ...{ decisions: 0, wouldBlock: [], tops: { policy: [], rule: [], team: [] }, at: Date.now() },
  ...changes,
});

/** A source in which all is well, and nothing is kept. */
export function fakeSource(changes: Partial<PageSource> = {}, ring = new DecisionRing()): PageSource {
  return {
    picture: async () => picture(),
    decisions: async (after) => ring.after(after),
    list: async () => ({ rows: [] }),
    counts: async () => counts(),
    story: async () => undefined,
    judge: async () => ({
      ...{ verdict: 'allow', callerRule: 'default', policies: [], texts: [], spans: [] },
      reply: { action: 'NONE' },
    }),
    lint: async () => [],
    policyText: async () => undefined,
    settings: async () => [],
    ...changes,
  };
}

/** The page over HTTP on a port of its own; it ends with the test. */
export async function servedUi(source: PageSource, options: Partial<UiOptions> = {}): Promise<string> {
  const ui = createUi({
    ...{ source, isDraining: () => false, bodyTimeoutMs: 5000, onError() {} },
    ...options,
  });
  const url = await new Promise<string>((resolve) => {
    const server = serve({ fetch: ui.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }: AddressInfo) =>
      resolve(`http://127.0.0.1:${port}`),
    );
    onTestFinished(() => {
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
    });
  });
  return url;
}
