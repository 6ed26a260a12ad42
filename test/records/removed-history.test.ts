import { expect, test } from 'vitest';
import type { Outcome } from '../../src/guardrail/decision.ts';
import { withTexts } from '../../src/guardrail/passages.ts';
import type { BlockedCall } from '../../src/records/protocol.ts';
import { recordDecision } from '../../src/records/record-decision.ts';
import { callOf } from '../support/call.ts';
import { undecided } from '../support/decision.ts';
import { textsOf } from '../support/passages.ts';

const rows = ['a turnip', 'a beet'].map((content) => ({ role: 'user', content }));
const call = callOf({ litellm_call_id: 'c', texts: ['a turnip', 'a beet'], structured_messages: rows });
const texts = textsOf(call, { 'a turnip': '[removed]' });

/** The record of a decision about a call from whose history something is removed. */
function recorded(outcome: Outcome, removed: readonly string[]) {
  const kept: { notes: object[]; blocked: BlockedCall[] } = { notes: [], blocked: [] };
  const records = {
    note: (note: object) => void kept.notes.push(note),
    blocked: async (one: BlockedCall) => void kept.blocked.push(one),
  };
  const decision = { ...undecided(call), outcome, removed, forwarded: withTexts(call, texts) };
  void recordDecision(records, decision, () => undefined);
  return kept;
}

test('the note of a call says whose blocked history was removed from it', () => {
  const { notes } = recorded({ kind: 'modify', by: [], texts, form: 'texts' }, ['akto']);
  expect(notes).toMatchObject([{ action: 'GUARDRAIL_INTERVENED', by: 'akto', removed: ['akto'] }]);
});

const block: Outcome = { kind: 'block', cause: 'verdict', by: 'secrets', reason: 'no' };

test.each([
  [['akto'], '[removed]'],
  [[], 'a turnip'],
])('the record of a blocked call has what was removed from its history by %j as %s', (removed, content) => {
  const { blocked } = recorded(block, removed);
  expect(blocked[0]?.event.messages).toEqual([{ role: 'user', content }, rows[1]]);
  expect(blocked[0]?.note).not.toHaveProperty('removed');
});
