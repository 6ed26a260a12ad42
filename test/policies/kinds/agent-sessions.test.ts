import { describe, expect, test } from 'vitest';
import type { ActionLimits, ToolAction } from '../../../src/policies/kinds/agent-counts.ts';
import { AgentSessions } from '../../../src/policies/kinds/agent-sessions.ts';

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;
const NONE: ActionLimits = {
  maxActions: Infinity,
  perMinute: () => Infinity,
  maxAmount: Infinity,
  maxDaily: Infinity,
  approvalAbove: Infinity,
};
const scopesOf = (session: string) => ({ session, rate: session, caller: 'key' });
const action = (fields: Partial<ToolAction> = {}): ToolAction => ({
  ...{
    key: undefined,
    tool: 'pay',
    origin: 'model',
    isDefined: true,
    arguments: '{}',
    amounts: [],
    ...fields,
  },
});

describe('an agent session', () => {
  test('stays halted for a day, and is free again after it', () => {
    const sessions = new AgentSessions();
    sessions.halt('a', NOW);
    expect(sessions.isHalted('a', NOW + DAY - 1)).toBe(true);
    expect(sessions.isHalted('b', NOW)).toBe(false);
    expect(sessions.isHalted('a', NOW + DAY + 1)).toBe(false);
  });

  test('stays halted while 20,000 others come and go, if it is used', () => {
    const sessions = new AgentSessions();
    sessions.halt('a', NOW);
    for (let i = 0; i < 20_000; i++) {
      sessions.halt(`other ${i}`, NOW);
      if (i % 5000 === 0) expect(sessions.isHalted('a', NOW)).toBe(true);
    }
    expect(sessions.isHalted('other 0', NOW)).toBe(false);
    expect(sessions.isHalted('other 19999', NOW)).toBe(true);
  });

  test('counts its actions for a day after the last one', () => {
    const sessions = new AgentSessions();
    const count = (now: number) =>
      sessions.count([action()], scopesOf('a'), { ...NONE, maxActions: 2 }, now)?.rule;
    expect([count(NOW), count(NOW + DAY / 2), count(NOW + DAY)]).toEqual([
      undefined,
      undefined,
      'max-actions-per-session',
    ]);
    expect(count(NOW + 2 * DAY)).toBeUndefined();
  });

  test('has a rate for each tool that recovers within a minute', () => {
    const sessions = new AgentSessions();
    const count = (tool: string, now: number) =>
      sessions.count([action({ tool })], scopesOf('a'), { ...NONE, perMinute: () => 1 }, now)?.rule;
    expect([count('pay', NOW), count('mail', NOW), count('pay', NOW + 59_999)]).toEqual([
      undefined,
      undefined,
      'rate-limit',
    ]);
    expect(count('pay', NOW + 60_000)).toBeUndefined();
  });

  test('counts an action that a stream repeats once, and again a day later', () => {
    const sessions = new AgentSessions();
    const limits = { ...NONE, maxDaily: 150 };
    const count = (now: number) =>
      sessions.count([action({ key: 'k', amounts: [100] })], scopesOf('a'), limits, now)?.rule;
    expect([count(NOW), count(NOW), count(NOW + DAY + 1)]).toEqual([undefined, undefined, undefined]);
    expect(sessions.count([action({ amounts: [100] })], scopesOf('a'), limits, NOW + DAY + 1)?.rule).toBe(
      'max-daily-total',
    );
  });
});
