import { expect, test, vi } from 'vitest';
import { openDecisions } from '../../src/decisions/reader.ts';
import { blocked, keptIn, row, testKeeper } from '../support/decisions.ts';

const REF = '0123456789abcdef';

test('decisions are in the file within a second, while the keeper goes on', async () => {
  const { keeper, all } = testKeeper();
  const allowed = row({ litellm_call_id: 'a' });
  const refused = blocked(REF, { litellm_call_id: 'b', at: allowed.at + 1, older: true });
  keeper.append(allowed);
  keeper.append(refused);
  await vi.waitFor(async () => expect(await all()).toEqual([refused, allowed]), 5000);
});

test('what waits is stored at the end, and read when nobody writes', async () => {
  const { keeper, dir } = testKeeper();
  for (let n = 0; n < 3000; n++) keeper.append(row({ litellm_call_id: `call-${n}` }));
  await keeper.close();
  expect(await keptIn(dir)).toHaveLength(3000);
});

test('a decision is found by its reference and by its call id, with all that was decided on the call', async () => {
  const { keeper, dir } = testKeeper();
  const request = row();
  const response = blocked(REF, { input_type: 'response', shape: 'response', at: request.at + 5 });
  const other = row({ litellm_trace_id: 'of another client', at: request.at + 6 });
  for (const one of [request, response, other]) keeper.append(one);
  await keeper.close();
  const reader = await openDecisions({ dir, database: undefined });
  expect(await reader.find(REF)).toEqual([request, response]);
  expect(await reader.find('call-1')).toEqual([request, response, other]);
  expect(await reader.find('unknown')).toEqual([]);
  await reader.close();
});

test('a round of a stream replaces the round before, unless a client was told its reference', async () => {
  const { keeper, all } = testKeeper();
  const side = { input_type: 'response', shape: 'response' } as const;
  const { at } = row();
  keeper.append(row({ at }));
  for (let n = 1; n <= 5; n++) keeper.append(row({ ...side, at: at + n, ms: n }));
  keeper.append(row({ ...side, at: at + 6, verdict: 'cancelled', action: 'CANCELLED' }));
  keeper.append(blocked(REF, { ...side, at: at + 7 }));
  keeper.append(row({ ...side, at: at + 8 }));
  keeper.append(row({ ...side, at: at + 9, ms: 9 }));
  await keeper.close();
  expect(await all()).toEqual(
    [
      row({ ...side, at: at + 9, ms: 9 }),
      { ...blocked(REF, { ...side, at: at + 7 }), rounds: 6 },
      row({ at }),
    ].map((kept, i) => (i === 0 ? { ...kept, rounds: 2 } : kept)),
  );
});

test('a batch that can never be stored is lost, and holds up no other', async () => {
  const { keeper, lines, lost, all } = testKeeper();
  keeper.take('[', 3);
  await vi.waitFor(() => expect(lines).toHaveLength(1), 10_000);
  expect(lines[0]).toMatchObject({ level: 'error', code: 'SyntaxError' });
  keeper.append(row());
  await keeper.close();
  expect(await all()).toHaveLength(1);
  expect(await lost()).toEqual({ unavailable: 3 });
});

test('the end of a call is told with both of its sides', async () => {
  const { keeper, dir } = testKeeper();
  const request = row();
  const response = row({ input_type: 'response', shape: 'response', at: request.at + 1 });
  keeper.append(request);
  keeper.append(response);
  keeper.append(row({ litellm_call_id: 'call-2' }));
  const sides = { request: true, response: true };
  keeper.ended([{ callId: 'call-1', traceId: 'trace-1', outcome: 'success', at: 7, sides }]);
  keeper.ended([{ callId: 'unknown', traceId: null, outcome: 'failure', at: 7, sides }]);
  await keeper.close();
  const reader = await openDecisions({ dir, database: undefined });
  const ended = { outcome: 'success', at: 7 };
  expect(await reader.find('call-1')).toEqual([
    { ...request, ended },
    { ...response, ended },
  ]);
  expect(await reader.find('call-2')).toEqual([expect.not.objectContaining({ ended: expect.anything() })]);
  await reader.close();
});

test('responses of a client that gives all its calls one id do not replace each other', async () => {
  const { keeper, all } = testKeeper();
  const at = Date.now();
  const side = { input_type: 'response', shape: 'response' } as const;
  const redacted = { ...side, verdict: 'redact', action: 'GUARDRAIL_INTERVENED' } as const;
  keeper.append(row({ ...redacted, at, streamed: false }));
  keeper.append(row({ ...side, at: at + 1, streamed: false }));
  keeper.append(row({ ...redacted, at: at + 2, streamed: true, litellm_call_id: 'b' }));
  keeper.append(row({ ...side, at: at + 700_000, streamed: true, litellm_call_id: 'b' }));
  keeper.append(row({ ...redacted, at: at + 3, streamed: true, litellm_call_id: 'c' }));
  const sides = { request: true, response: true };
  keeper.ended([{ callId: 'c', traceId: 'trace-1', outcome: 'success', at: at + 4, sides }]);
  keeper.append(row({ ...side, at: at + 60_000, streamed: true, litellm_call_id: 'c' }));
  await keeper.close();
  expect((await all()).filter(({ verdict }) => verdict === 'redact')).toHaveLength(3);
});

test('a reading that has to end tells how far it came, however little it found', async () => {
  const { keeper, dir } = testKeeper();
  // Those that are too old go
  const start = Date.now() - 1200;
  for (let n = 1; n <= 1200; n++) keeper.append(row({ at: start + n, litellm_call_id: `call-${n}` }));
  await keeper.close();
  const reader = await openDecisions({ dir, database: undefined });
  const ended = { isOver: () => true };
  expect(await reader.list({ limit: 9, team: 'nobody' }, ended)).toEqual([]);
  expect(ended).toMatchObject({ since: start + 701 });
  const whole = { isOver: () => false };
  expect((await reader.counts(0, whole)).decisions).toBe(1200);
  expect(whole).not.toHaveProperty('since');
  expect(await reader.counts(0, { isOver: () => true })).toMatchObject({
    decisions: 500,
    since: start + 701,
  });
  await reader.close();
});
