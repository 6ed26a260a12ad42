import { describe, expect, test } from 'vitest';
import { mcpCallOf } from '../../src/backends/recorded-call.ts';
import type { NoteLine } from '../../src/outbox/note-bytes.ts';
import type { BlockedCall } from '../../src/records/protocol.ts';
import { checkNoteOf, recordDecision } from '../../src/records/record-decision.ts';
import { callOf } from '../support/call.ts';
import { undecided } from '../support/decision.ts';
import { mcpCall, mcpListed, mcpResult } from '../support/mcp.ts';

/** The notes and blocked calls that a decision leaves. */
function recorded(body: Record<string, unknown>, kind: 'allow' | 'block') {
  const notes: NoteLine[] = [];
  const blocked: BlockedCall[] = [];
  const outcome =
    kind === 'allow'
      ? ({ kind } as const)
      : ({ kind, cause: 'verdict', by: 'secrets', reason: 'no' } as const);
  void recordDecision(
    { note: (note) => void notes.push(note), blocked: async (call) => void blocked.push(call) },
    { ...undecided(callOf(body)), outcome, ref: '0123456789abcdef' },
    () => undefined,
  );
  return { notes, blocked };
}

describe('a blocked call of an MCP tool', () => {
  test('has its tool and arguments on record, and no words of a user', () => {
    const { blocked } = recorded(mcpCall(['Ada', 'ask']), 'block');
    expect(blocked).toHaveLength(1);
    const { event, note } = blocked[0]!;
    expect(event).toMatchObject({
      call_type: 'call_mcp_tool',
      messages: [],
      model_parameters: {},
      metadata: { user_api_key_user_id: 'dana' },
    });
    expect(mcpCallOf(event)).toMatchObject({ tool: 'lookup', arguments: { texts: ['Ada', 'ask'] } });
    expect(note.litellm_call_id).toBe('call-1');
    expect(JSON.stringify(event)).not.toContain('directory');
  });

  test('is on record as a call of a tool though it is the result that is blocked: whose it is nobody tells', () => {
    const { blocked } = recorded(mcpResult('Ada'), 'block');
    expect(blocked).toHaveLength(1);
    expect(blocked[0]?.event).toMatchObject({
      call_type: 'call_mcp_tool',
      messages: [],
      metadata: {},
      end_user: null,
    });
    expect(mcpCallOf(blocked[0]!.event)).toMatchObject({ tool: 'unknown', server: 'unknown' });
  });
});

describe('a tool in a list', () => {
  test.each(['allow', 'block'] as const)('is no call, and leaves nothing on record: %s', (kind) => {
    expect(recorded(mcpListed(), kind)).toEqual({ notes: [], blocked: [] });
  });
});

test('an allowed call of an MCP tool leaves a note for its record', () => {
  expect(recorded(mcpCall(['Ada']), 'allow').notes).toMatchObject([
    { litellm_call_id: 'call-1', action: 'NONE' },
  ]);
});

test('a check that blocks has the vendor’s words for the rules on record, of bounded length', () => {
  const check = (categories?: string[]) =>
    checkNoteOf({
      ...{ backend: 'house-lakera', mode: 'enforce', unreachableFallback: 'fail_closed', seconds: 0.0123 },
      verdict: { kind: 'block', reason: 'no', ...(categories && { categories }) },
    });
  const note = { backend: 'house-lakera', mode: 'enforce', result: 'block', ms: 12.3 };
  expect(check()).toEqual(note);
  expect(check([])).toEqual(note);
  expect(check(['prompt_attack', 'S9'])).toEqual({ ...note, categories: ['prompt_attack', 'S9'] });
  const many = check(Array.from({ length: 50 }, () => 'x'.repeat(500))).categories;
  expect(many).toEqual(Array.from({ length: 16 }, () => 'x'.repeat(100)));
});
