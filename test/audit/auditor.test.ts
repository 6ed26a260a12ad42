import { expect, test } from 'vitest';
import { Auditor } from '../../src/audit/auditor.ts';
import type { Decision } from '../../src/guardrail/decision.ts';
import { type AuditDir, auditDir } from '../support/audit.ts';
import { callOf } from '../support/call.ts';
import { undecided } from '../support/decision.ts';
import { policyResult } from '../support/policies.ts';

const MINUTE_MS = 60_000;

/** A round of a streamed response that nobody objects to. */
function round(id: string): Decision {
  const call = callOf({ input_type: 'response', litellm_call_id: id, texts: ['Hello'] });
  const audit = { logsAll: true, retentionDays: 365 };
  return { ...undecided(call), policies: { ...policyResult, continues: true, audit } };
}

function auditorOf(dir: AuditDir, now?: () => number): Auditor {
  return new Auditor({
    openLog: () => dir.open(),
    wanted: () => undefined,
    onLost() {},
    ...(now && { now }),
  });
}

const loggedIds = (dir: AuditDir) =>
  dir.rows().flatMap(({ event_type, litellm_call_id: id }) => (event_type === 'decision' ? [id] : []));

test('rounds of a stream that repeat a decision have one row, until it is 15 minutes old', () => {
  const dir = auditDir();
  let at = 1;
  const auditor = auditorOf(dir, () => at);
  auditor.decided(round('a'));
  auditor.decided(round('b'));
  at += 14 * MINUTE_MS;
  auditor.decided(round('a'));
  expect(loggedIds(dir)).toEqual(['a', 'b']);
  at += 14 * MINUTE_MS;
  auditor.decided(round('a'));
  expect(loggedIds(dir)).toEqual(['a', 'b']);
  auditor.decided(round('b'));
  expect(loggedIds(dir)).toEqual(['a', 'b', 'b']);
});

test('of very many responses the one decided longest ago is forgotten first', () => {
  const dir = auditDir();
  const auditor = auditorOf(dir);
  auditor.decided(round('first'));
  auditor.decided(round('second'));
  auditor.decided(round('first'));
  for (let n = 0; n < 30_000; n++) auditor.decided(round(n % 1000 === 0 ? 'first' : `call-${n}`));
  const rows = loggedIds(dir).length;
  auditor.decided(round('first'));
  expect(loggedIds(dir)).toHaveLength(rows);
  auditor.decided(round('second'));
  expect(loggedIds(dir)).toHaveLength(rows + 1);
});
