/**
 * The contract that every kind of backend passes, over real HTTP and through a whole bridge.
 *
 * To add a kind: write `test/support/backend-rows/<kind>.ts` that exports `row` (or `rows`), a `BackendRow`: how its entry is written,
 * and how its vendor says yes and no. Everything else is here: all ways to fail, under each fallback, and that nothing of the
 * vendor's key, address, words or of the prompt is told. A kind without a row fails the last test.
 */
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { kindsOfBackends } from '../../src/backends/index.ts';
import { failuresOf } from '../support/backend-failures.ts';
import { type BackendRow, backendRows, KEY, PROMPT } from '../support/backend-row.ts';
import {
  type Asked,
  BackendStand,
  type DeadEnds,
  openDeadEnds,
  type Place,
  TENANT,
} from '../support/backend-stand.ts';

const SAID = 'vendor-said-this';
const FALLBACKS = ['fail_closed', 'fail_open', 'defer'] as const;
const DIRECTIONS = ['request', 'response'] as const;

const rows = await backendRows();
let deadEnds: DeadEnds;

beforeAll(async () => {
  deadEnds = await openDeadEnds();
});
afterAll(() => deadEnds.close());

const setUps = rows.flatMap((row) =>
  (['policy file', 'environment'] as const)
    .filter((setUp) => setUp === 'policy file' || row.environment !== undefined)
    .map((setUp) => ({ row, setUp, name: [row.kind, row.variant].filter(Boolean).join(', ') })),
);

describe.each(setUps)('$name, by $setUp', ({ row, setUp }) => {
  const secrets = [KEY, TENANT, PROMPT, SAID, ...row.secrets];
  const failures = failuresOf(row, SAID).map((failure, i) => ({ ...failure, place: `failure-${i}` }));
  // A failure does the same under each fallback, whatever its kind: the costly ones are caused once
  const fallbacksOf = (isCostly = false) =>
    setUp === 'environment' || isCostly ? (['fail_closed'] as const) : FALLBACKS;
  const leakedIn = (told: unknown) => secrets.filter((secret) => JSON.stringify(told).includes(secret));
  let stand: BackendStand;
  let asked: ReadonlyMap<string, Asked>;

  beforeAll(async () => {
    stand = await BackendStand.open(row, setUp);
    asked = await stand.ask([
      ...DIRECTIONS.flatMap((direction) => verdictPlaces(row, direction)),
      ...failures.flatMap(({ place, at, reply, timeout, isCostly }) =>
        fallbacksOf(isCostly).map((fallback) => ({
          name: placeUnder(place, fallback),
          ...{ fallback, reply, timeout, url: at && deadEnds[at] },
        })),
      ),
    ]);
  }, 60_000);
  afterAll(() => stand.close());

  const at = (place: string): Asked => {
    const found = asked.get(place);
    if (found === undefined) throw new Error(`nothing was asked at ${place}`);
    return found;
  };

  test.each(row.judges ?? DIRECTIONS)('the caller gets the verdict about a %s', (direction) => {
    const passed = at(`allow-${direction}`);
    expect(passed).toMatchObject({ status: 200, reply: { action: 'NONE' }, failure: undefined });
    expect(passed.counts).toContainEqual(counted('verdicts_total', 'allow'));
    const stopped = at(`block-${direction}`);
    expect(stopped).toMatchObject({ status: 200, reply: { action: 'BLOCKED' }, failure: undefined });
    expect(stopped.counts).toContainEqual(counted('verdicts_total', 'block'));
    expect(leakedIn([passed, stopped].map(({ reply, lines }) => [reply, lines]))).toEqual([]);
  });

  test.runIf(row.redact).each(row.judges ?? DIRECTIONS)(
    'the caller gets the redaction of a %s',
    (direction) => {
      const redacted = at(`redact-${direction}`);
      expect(redacted).toMatchObject({ status: 200, reply: { action: 'GUARDRAIL_INTERVENED' } });
      expect(JSON.stringify(redacted.reply)).toContain(JSON.stringify(row.redact?.text));
      expect(redacted.counts).toContainEqual(counted('verdicts_total', 'modify'));
      expect(leakedIn([redacted.reply, redacted.lines])).toEqual([]);
    },
  );

  test.each(failures)(
    '$name is a failure with its own kind',
    ({ place, failure, at: deadEnd, timeout, isCostly }) => {
      for (const fallback of fallbacksOf(isCostly)) {
        const result = at(placeUnder(place, fallback));
        expectEffect(result, fallback);
        expect(result.failure).toMatchObject(failure);
        expect(result.counts).toContainEqual(counted('failures_total', String(result.failure?.kind)));
        expect(result.counts.filter((sample) => /failures_total|verdicts_total/.test(sample))).toHaveLength(
          1,
        );
        expect(leakedIn([result.reply, result.lines])).toEqual([]);
        if (timeout === undefined) expect(result.seen.length > 0).toBe(deadEnd === undefined);
      }
    },
  );

  test('the secrets that must not be told are those that are used', () => {
    const { seen } = at(`allow-${(row.judges ?? DIRECTIONS)[0]}`);
    const told = JSON.stringify([seen, row.secret]);
    expect(row.secrets.filter((secret) => !told.includes(secret))).toEqual([]);
  });

  test('nothing of its key, its address, its words or the prompt is told', async () => {
    expect(leakedIn(await stand.everything())).toEqual([]);
    expect(deadEnds.requests()).toBe(0);
  });

  test('a kept connection that the backend closes under a call is no failure', async () => {
    const used = new WeakSet<object>();
    let stale = 0;
    const closing: BackendRow['allow'] = (request, response) => {
      const socket = response.socket as Socket;
      if (used.has(socket)) {
        stale++;
        return void socket.destroy();
      }
      used.add(socket);
      return row.allow(request, response);
    };
    const kept = await BackendStand.open(row, setUp);
    onTestFinished(() => kept.close());
    const replies = await kept.askTimes(4, { name: 'kept', fallback: 'fail_closed', reply: closing });
    expect(replies).toEqual(Array(4).fill({ action: 'NONE' }));
    expect(stale).toBeGreaterThan(0);
  });
});

const placeUnder = (place: string, fallback: string) => `${place}-${fallback.replace('_', '-')}`;

/** The effect of a failure on a call. */
function expectEffect({ status, reply, counts }: Asked, fallback: (typeof FALLBACKS)[number]): void {
  switch (fallback) {
    case 'fail_closed':
      expect([status, reply.action]).toEqual([200, 'BLOCKED']);
      expect(reply.blocked_reason).toMatch(
        /^Not allowed: the security check could not be completed\. \[unavailable\] Reference: [0-9a-f]{16}$/,
      );
      break;
    case 'fail_open':
      expect([status, reply.action]).toEqual([200, 'NONE']);
      expect(counts).toContainEqual(counted('bypasses_total', fallback));
      break;
    case 'defer':
      expect(status).toBe(503);
      expect(counts).toContainEqual(counted('bypasses_total', fallback));
  }
}

/** The places at which a vendor says yes, no and otherwise about a direction. */
function verdictPlaces(row: BackendRow, direction: (typeof DIRECTIONS)[number]): Place[] {
  if (!(row.judges ?? DIRECTIONS).includes(direction)) return [];
  const place = (word: string, fallback: string, reply: BackendRow['allow']) => ({
    ...{ name: `${word}-${direction}`, fallback, direction, reply },
  });
  return [
    place('allow', 'fail_closed', row.allow),
    place('block', 'fail_open', row.block(SAID)),
    ...(row.redact ? [place('redact', 'fail_open', row.redact.reply)] : []),
  ];
}

/** One count of a metric that has a word among its labels. */
function counted(metric: string, word: string): unknown {
  return expect.stringMatching(new RegExp(`^guardrail_bridge_${metric}\\{.*"${word}".*\\} 1$`));
}

test('every kind of backend has a row in this table', () => {
  expect(kindsOfBackends.names.filter((name) => !rows.some(({ kind }) => kind === name))).toEqual([]);
});
