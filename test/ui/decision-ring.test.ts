import { expect, test } from 'vitest';
import { newCanaryId } from '../../src/guardrail/canary.ts';
import { DecisionRing } from '../../src/ui/decision-ring.ts';
import { blocked, row } from '../support/decisions.ts';

const REF = '0123456789abcdef';
const ROUND = { input_type: 'response', shape: 'response', streamed: true } as const;

test('decisions are told once to who names the last that is known, with the number of those that are gone', () => {
  const ring = new DecisionRing();
  for (let n = 1; n <= 250; n++) ring.decided(row({ ms: n }));
  const all = ring.after(0);
  expect([all.last, all.missed, all.decisions.length]).toEqual([250, 50, 200]);
  expect(all.decisions.map(({ seq, ms }) => [seq, ms])).toEqual(
    Array.from({ length: 200 }, (_, i) => [i + 51, i + 51]),
  );
  expect(ring.after(248).decisions.map(({ seq }) => seq)).toEqual([249, 250]);
  expect(ring.after(250)).toEqual({ last: 250, missed: 0, decisions: [] });
  // A number of an earlier start of the bridge
  expect(ring.after(9000).decisions).toHaveLength(200);
});

test('a number of an earlier start is not taken for one of this', () => {
  const before = new DecisionRing(Date.parse('2026-01-01T00:00:00Z'));
  before.decided(row());
  const ring = new DecisionRing(Date.parse('2026-01-01T00:00:05Z'));
  for (let n = 1; n <= 3; n++) ring.decided(row({ ms: n }));
  expect(ring.after(before.after(0).last).decisions.map(({ ms }) => ms)).toEqual([1, 2, 3]);
  const { last, missed } = ring.after(0);
  expect([Number.isSafeInteger(last), String(last).length, missed]).toEqual([true, 16, 0]);
});

test('a row tells who decided, by which rules, who gave no verdict and who only observes', () => {
  const ring = new DecisionRing();
  const policy = { kind: 'secrets', enforced: true, verdict: 'block', reason_code: 'secret', rules: ['aws'] };
  const watching = { ...policy, kind: 'pii-detector', enforced: false, verdict: 'redact', rules: ['email'] };
  const vendor = { backend: 'akto', mode: 'enforce', result: 'timeout', ms: 5 };
  ring.decided({ ...blocked(REF), policies: [watching, policy] } as never);
  ring.decided({ ...row(), policies: [watching], backends: [vendor] } as never);
  expect(ring.after(0).decisions).toMatchObject([
    { ref: REF, verdict: 'block', rules: ['aws'], bypassed: [], observed: [] },
    { verdict: 'allow', rules: ['email'], bypassed: ['akto'], observed: ['pii-detector would redact'] },
  ]);
});

test('a round of a streamed response takes the place of the one before; a block stays, and the doctor is left out', () => {
  const ring = new DecisionRing();
  for (let n = 1; n <= 300; n++) ring.decided(row({ ...ROUND, ms: n }));
  ring.decided({ ...blocked(REF), ...ROUND });
  ring.decided(row({ ...ROUND, ms: 1000 }));
  ring.decided(row({ litellm_call_id: newCanaryId() }));
  const { last, missed, decisions } = ring.after(0);
  expect([last, missed]).toEqual([302, 0]);
  expect(decisions.map(({ seq, verdict, isRound }) => [seq, verdict, isRound])).toEqual([
    [301, 'block', true],
    [302, 'allow', true],
  ]);
});

test('a result that came later gives its row a new number, also in another process, and stays through the rounds of a stream', () => {
  const [one, all] = [new DecisionRing(), new DecisionRing()];
  const told = (ring: DecisionRing) =>
    ring.after(0).decisions.map(({ seq, ms, observed }) => [seq, ms, ...observed]);
  const finding = { backend: 'akto', mode: 'observe', result: 'block', ms: 9, late: true } as const;
  const [first, second] = [row({ ms: 1 }), row({ ms: 2 })];
  for (const made of [first, second]) one.decided(made);
  all.add(one.take() as never);
  one.late({ of: first, finding });
  one.late({ of: second, finding: { ...finding, result: 'allow' } });
  one.late({ of: row({ ms: 3 }), finding });
  all.add(one.take() as never);
  const expected = [
    [2, 2],
    [3, 1, 'akto would block'],
  ];
  expect([told(one), told(all)]).toEqual([expected, expected]);
  const round = row({ ...ROUND, litellm_call_id: 'stream', ms: 4 });
  one.decided(round);
  one.decided({ ...round, ms: 5 });
  one.late({ of: round, finding });
  one.decided({ ...round, ms: 6 });
  all.add(one.take() as never);
  for (const ring of [one, all])
    expect(told(ring).slice(2)).toEqual([[expect.any(Number), 6, 'akto would block']]);
});

test('rows that workers hand over are numbered together, and those that they had to leave out count as missed', () => {
  const [one, other, all] = [new DecisionRing(), new DecisionRing(), new DecisionRing()];
  for (let n = 1; n <= 230; n++) one.decided(row({ ms: n }));
  other.decided(row({ ...ROUND, ms: 1 }));
  for (const ring of [one, other]) all.add(ring.take() as never);
  expect([one.take(), other.take()]).toEqual([undefined, undefined]);
  other.decided(row({ ...ROUND, ms: 2 }));
  all.add(other.take() as never);
  const { last, missed, decisions } = all.after(0);
  expect([last, missed, decisions.length]).toEqual([232, 31, 200]);
  expect(decisions.at(-1)).toMatchObject({ seq: 232, ms: 2, isRound: true });
  expect(decisions.filter(({ isRound }) => isRound)).toHaveLength(1);
});

test('a row that would be made for it alone is not made once 200 have come in a quarter of a second', () => {
  const ring = new DecisionRing();
  const wanted = Array.from({ length: 250 }, (_, i) => {
    const hasRoom = ring.hasRoom();
    if (hasRoom) ring.decided(row({ ms: i }));
    return hasRoom;
  });
  // A slow machine may begin another quarter
  expect(wanted.indexOf(false)).toBe(200);
  expect(ring.after(0).last).toBe(250);
  expect(ring.take()).toMatchObject({ rows: { length: 200 } });
});
