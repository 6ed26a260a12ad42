import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import { ALLOW, type Verdict } from '../../src/guardrail/verdict.ts';
import { callOf } from '../support/call.ts';
import { BLOCK, backend, DOWN, fails, judgeOf, modify } from '../support/judging.ts';
import { mcpCall, mcpListed, mcpTool } from '../support/mcp.ts';
import { rewritesOf } from '../support/passages.ts';

/** A backend that counts how often it is asked. */
function counting(check: Check) {
  const asked = { times: 0 };
  const counted: Check = async (...args) => {
    asked.times++;
    return check(...args);
  };
  return { asked, backend: backend('a', counted) };
}
const saying = (verdict: Verdict) => counting(async () => verdict);

const LISTED = callOf(mcpListed());
/** As LiteLLM shows it before a call. */
const SCANNED = callOf(mcpCall([]));
const PING = callOf(mcpListed(mcpTool('ping')));

describe('a backend is asked about the definition of an MCP tool', () => {
  test('once, though it is listed again and the tool is called', async () => {
    const { asked, backend } = saying(ALLOW);
    const { judge } = judgeOf([backend]);
    for (const call of [LISTED, SCANNED, LISTED]) expect(await judge(call)).toEqual({ kind: 'allow' });
    expect(asked.times).toBe(1);
  });

  test('for each caller: a vendor can forbid one team what another may use', async () => {
    const { judge } = judgeOf([
      backend('a', async ({ request_data }) =>
        request_data.user_api_key_team_alias === 'payments' ? ALLOW : BLOCK,
      ),
    ]);
    const listedBy = (team: string) =>
      judge(callOf(mcpListed({}, { request_data: { user_api_key_team_alias: team } })));
    expect(await listedBy('payments')).toEqual({ kind: 'allow' });
    expect(await listedBy('works-council')).toMatchObject({ kind: 'block' });
  });

  test('once where it is listed twice at the same time', async () => {
    const { asked, backend } = saying(ALLOW);
    const { judge } = judgeOf([backend]);
    expect(await Promise.all([judge(LISTED), judge(LISTED)])).toEqual([{ kind: 'allow' }, { kind: 'allow' }]);
    expect(asked.times).toBe(1);
  });

  test('once though it reports a violation that does not block', async () => {
    const { asked, backend } = saying({ kind: 'allow', flagged: 'alert' });
    const { judge } = judgeOf([backend]);
    for (const call of [LISTED, LISTED]) expect(await judge(call)).toEqual({ kind: 'allow' });
    expect(asked.times).toBe(1);
  });

  test('once though it is blocked each time', async () => {
    const { asked, backend } = saying(BLOCK);
    const { judge } = judgeOf([backend]);
    for (const call of [LISTED, LISTED]) expect(await judge(call)).toMatchObject({ kind: 'block', by: 'a' });
    expect(asked.times).toBe(1);
  });

  test('once though it is redacted each time, in the passages of each call', async () => {
    const description = 'Look a person up in the directory.';
    const { asked, backend } = counting(async (call) => modify(description, 'Looks up.')(call));
    const { judge } = judgeOf([backend]);
    for (const call of [LISTED, callOf(mcpListed())]) {
      const outcome = await judge(call);
      if (outcome.kind !== 'modify') throw new Error(outcome.kind);
      expect(rewritesOf(outcome.texts)).toEqual({ [description]: 'Looks up.' });
      expect([...outcome.texts.keys()].every((passage) => call.passages.all.includes(passage))).toBe(true);
    }
    expect(asked.times).toBe(1);
  });

  test('again where its texts come in another order, in which a redaction has another place', async () => {
    const description = 'Look a person up in the directory.';
    const { asked, backend } = counting(async (call) => modify(description, 'Looks up.')(call));
    const { judge } = judgeOf([backend]);
    for (const descriptions of [
      [description, "The person's full name"],
      ["The person's full name", description],
    ]) {
      const outcome = await judge(callOf(mcpListed({ descriptions })));
      if (outcome.kind !== 'modify') throw new Error(outcome.kind);
      expect(rewritesOf(outcome.texts)).toEqual({ [description]: 'Looks up.' });
    }
    expect(asked.times).toBe(2);
  });

  test('again after a failure', async () => {
    const { asked, backend } = counting(fails(DOWN));
    const { judge } = judgeOf([backend]);
    await Promise.all([judge(LISTED), judge(LISTED)]);
    await judge(LISTED);
    expect(asked.times).toBe(3);
  });

  test('again where it is another one', async () => {
    const { asked, backend } = saying(ALLOW);
    const { judge } = judgeOf([backend]);
    for (const call of [LISTED, PING, callOf(mcpListed({ name: 'look_up' }))]) await judge(call);
    expect(asked.times).toBe(3);
  });

  test('and about every call with arguments', async () => {
    const { asked, backend } = saying(ALLOW);
    const { judge } = judgeOf([backend]);
    for (const call of [LISTED, callOf(mcpCall(['Ada'])), callOf(mcpCall(['Ada']))]) await judge(call);
    expect(asked.times).toBe(3);
  });

  test('by each of several backends', async () => {
    const [one, two] = [saying(ALLOW), saying(BLOCK)];
    const { judge } = judgeOf([one.backend, { ...two.backend, name: 'b', memory: 'b' }]);
    for (const call of [LISTED, LISTED]) expect(await judge(call)).toMatchObject({ kind: 'block', by: 'b' });
    expect([one.asked.times, two.asked.times]).toEqual([1, 1]);
  });
});
