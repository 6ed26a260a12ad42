import fs from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DecisionKeeper } from '../../src/decisions/keeper.ts';
import type { DecisionsStart, FromDecisions, ToDecisions } from '../../src/decisions/protocol.ts';
import { openDecisions } from '../../src/decisions/reader.ts';
import type { DecisionRow, KeptDecision } from '../../src/decisions/row.ts';
import type { Log } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { OpenWorker } from '../../src/records/restarting-worker.ts';
import { temporaryFolder } from './store.ts';

export const MB = 1024 * 1024;

type LoggedLine = { readonly level: string; readonly msg: string } & Readonly<Record<string, unknown>>;

/** A keeper with its thread, in a folder of its own. It is closed at the end. */
export function testKeeper(changes: Partial<DecisionsStart> = {}, open?: OpenWorker<FromDecisions>) {
  const start = { dir: temporaryFolder(), days: 3650, maxBytes: 100 * MB, database: undefined, ...changes };
  const metrics = createMetrics({ backends: [], policies: [], findings: [] }, () => [], false);
  const lines: LoggedLine[] = [];
  const level = (name: string) => (fields: object, msg: string) =>
    lines.push({ ...fields, level: name, msg });
  const log = { info: level('info'), warn: level('warn'), error: level('error') } as unknown as Log;
  const keeper = new DecisionKeeper({ start, log, metrics, open });
  onTestFinished(() => keeper.close());
  return {
    ...{ keeper, lines, dir: start.dir },
    /** Number of decisions that were lost, by why. */
    async lost(): Promise<Record<string, number>> {
      const found = (await metrics.text()).matchAll(/decisions_lost_total\{reason="(\w+)"\} ([1-9]\d*)/g);
      return Object.fromEntries([...found].map(([, reason, count]) => [reason, Number(count)]));
    },
    /** All that is in the file, newest first. */
    all: () => keptIn(start.dir),
  };
}

/** A keeper whose thread does not answer until it is let. */
export function hangingKeeper() {
  const unanswered: number[] = [];
  let received = (_: FromDecisions): void => {};
  let isHanging = true;
  const tested = testKeeper({}, (options) => {
    received = options.received;
    return {
      post(message) {
        const { kind, ...sent } = message as ToDecisions;
        if (kind === 'close') received({ kind: 'closed' });
        else if (isHanging) unanswered.push((sent as { n: number }).n);
        else setImmediate(received, { kind: 'done', n: (sent as { n: number }).n });
      },
      hurry() {},
      close: async () => {},
    };
  });
  const answer = () => {
    isHanging = false;
    for (const n of unanswered.splice(0)) received({ kind: 'done', n });
  };
  return { ...tested, answer };
}

/** All decisions in a folder, newest first. */
export async function keptIn(dir: string): Promise<KeptDecision[]> {
  if (!fs.existsSync(join(dir, 'decisions.db'))) return [];
  const reader = await openDecisions({ dir, database: undefined });
  try {
    return await reader.list({ limit: 1_000_000 });
  } finally {
    await reader.close();
  }
}

/** A decision that allows a request. */
export function row(changes: Partial<DecisionRow> = {}): DecisionRow {
  return {
    ...{ at: Date.now(), ref: null, litellm_call_id: 'call-1', litellm_trace_id: 'trace-1' },
    ...{
      litellm_version: '1.110.2',
      input_type: 'request',
      shape: 'conversation',
      endpoint: null,
      mode: null,
    },
    ...{ model: 'gpt-5', team: 'payments', key: 'nightly', user: 'ada', end_user: null },
    ...{ verdict: 'allow', action: 'NONE', category: null, cause: null, by: null },
    ...{ policy_version: 'v1', caller_rule: 'default', policies: [], allowed: ['secrets'] },
    ...{ backends: [], removed: [], ms: 1.5 },
    ...changes,
  };
}

/** A decision that blocks a request. */
export const blocked = (ref: string, changes: Partial<DecisionRow> = {}): DecisionRow =>
  row({
    ...{
      ref,
      verdict: 'block',
      action: 'BLOCKED',
      category: 'policy',
      cause: 'verdict',
      by: 'secrets',
      allowed: [],
    },
    policies: [
      {
        kind: 'secrets',
        enforced: true,
        verdict: 'block',
        reason_code: 'secret_detected',
        rules: ['aws-key'],
      },
    ],
    ...changes,
  });
