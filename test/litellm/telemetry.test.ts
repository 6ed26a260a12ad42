import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { does } from './release.ts';
import { judgedCases, observedCases, type TelemetryCase, unjudgedCases } from './telemetry-cases.ts';
import { type AktoRecord, aktoRecords, capsulePosts, rowsOf, until } from './telemetry-records.ts';
import {
  graceSeconds,
  identity,
  type Observer,
  type SentCall,
  startTelemetryWorld,
  type TelemetryWorld,
} from './telemetry-world.ts';

// An event is posted at once, together with those whose POST is still under way. With longer intervals this logger
// loses what it is told while it flushes.
const env = { DEFAULT_BATCH_SIZE: '1' };

const [success, ...others] = unjudgedCases as [TelemetryCase, ...TelemetryCase[]];
/** Sent while the bridge is down: successes, since LiteLLM replies to a failed call when its event is posted. */
const down = others.slice(0, 3);
const blocked = judgedCases.find(({ name }) => name === 'a request that Akto blocks') as TelemetryCase;

describe.each(inject('releases'))('telemetry of litellm $version', (release) => {
  const retries = does(release, 'retries its logs');
  const formats = ['json_array', 'ndjson', 'single'];
  const observers: Observer[] = [
    ...formats.map((name) => ({ name, logger: { log_format: name } })),
    { name: 'watch' },
    { name: 'observe', env: { AKTO_MODE: 'observe' } },
    { name: 'hook', env: { SYNC_MODE: 'false' } },
    { name: 'crash', logger: { max_retries: 8, retry_delay: 0.25 } },
    { name: 'unlogged', logger: false },
  ];
  let world: TelemetryWorld;
  const sent = new Map<string, SentCall[]>();

  async function askAll(bridge: string, cases: readonly TelemetryCase[], guardrails?: string[]) {
    const calls = sent.get(bridge) ?? [];
    sent.set(bridge, calls);
    for (const item of cases) calls.push(await world.ask(bridge, item, guardrails));
  }

  /** In the middle of storing what it is told, while Akto takes nothing. */
  async function crash() {
    const count = 8;
    await sleep(1000); // what the others logged is there
    world.refused.add('crash');
    const before = await rowsOf(world, 'crash');
    const calls = Array.from({ length: count }, () => askAll('crash', [success], []));
    // without retries all have to be acknowledged before
    const acknowledged = retries ? 1 : count;
    await until(async () => (await rowsOf(world, 'crash')) >= before + acknowledged, 'an acknowledged event');
    await world.kill('crash');
    await Promise.all(calls);
    if (retries) await askAll('crash', down, []);
    await world.restart('crash');
    world.refused.delete('crash');
  }

  beforeAll(async () => {
    world = await startTelemetryWorld(release, observers, {}, env);
    await Promise.all([
      ...formats.map((bridge) => askAll(bridge, judgedCases)),
      askAll('watch', unjudgedCases, []),
      askAll('hook', unjudgedCases, []),
      askAll('observe', observedCases),
      askAll('unlogged', [blocked]),
    ]);
    await crash();
    for (const [bridge, calls] of sent) {
      for (const { marker, item } of calls) {
        await until(() => recordsOf(bridge, marker).length > 0, `the record of ${item.name} at ${bridge}`);
      }
    }
    await sleep((graceSeconds + 3) * 1000); // whatever else would come
  });

  afterAll(async () => {
    await world?.stop();
  });

  const recordsOf = (bridge: string, wanted: string) =>
    aktoRecords(world, bridge).filter(({ marker }) => marker === wanted);
  const callsOf = (bridge: string, item: TelemetryCase) =>
    sent.get(bridge)?.filter((one) => one.item === item) ?? [];

  /** That there is one record of a call at each vendor; gives back Akto's. */
  function theRecord(bridge: string, item: TelemetryCase): AktoRecord {
    const wanted = item.record;
    const calls = callsOf(bridge, item);
    expect(calls.length).toBeGreaterThan(0);
    const found = calls.map(({ marker, seen }) => {
      const records = recordsOf(bridge, marker);
      expect(records).toHaveLength(item.isCached ? 2 : 1);
      const callId = seen.headers.get('x-litellm-call-id');
      return records.find(({ tag }) => tag.litellm_call_id === callId);
    });
    for (const record of found) {
      expect(record).toMatchObject({ status: wanted.status, responded: wanted.response });
      const callId = record?.tag.litellm_call_id;
      const posts = capsulePosts(world, bridge).filter(({ requestId }) => requestId === callId);
      expect(posts.map((post) => post.success)).toEqual(wanted.capsule === null ? [] : [wanted.capsule]);
    }
    return found[0] as AktoRecord;
  }

  describe.each(formats)('as %s', (format) => {
    test.each(judgedCases)('$name', (item) => {
      const wanted = item.record;
      const record = theRecord(format, item);
      expect(record.way).toBe('ingestData');
      // a guardrail is not told the route
      expect(record.path).toBe(wanted.status === '403' ? '/v1/chat/completions' : item.path);
      expect(record.tag).toMatchObject({ litellm: 'LiteLLM', ...(wanted.identity ?? identity) });
      expect(record.tag.model).toBe(wanted.model ?? item.body('').model);
      expect(JSON.stringify(record.requested)).toContain(wanted.said ?? item.says ?? 'plums');
      const inputTypes = record.verdicts.map(({ input_type }) => input_type);
      const { isLoggedEarlyBefore: trait } = item;
      const isLoggedEarly = item.isLoggedEarly || (trait !== undefined && !does(release, trait));
      expect(isLoggedEarly ? [wanted.judged, ['request']] : [wanted.judged]).toContainEqual(inputTypes);
    });
  });

  describe.each([
    { bridge: 'watch', way: 'ingestData' },
    { bridge: 'hook', way: 'guardrails+ingest_data' },
  ])('$bridge, where no guardrail is configured', ({ bridge, way }) => {
    test.each(unjudgedCases)('$name', (item) => {
      expect(theRecord(bridge, item)).toMatchObject({ way, verdicts: [] });
    });
  });

  test.each(observedCases)('$name, where Akto only observes, is recorded with its verdict', (item) => {
    const result = item.says === undefined ? 'allow' : 'block';
    const [request] = theRecord('observe', item).verdicts;
    expect(theRecord('observe', item).way).toBe('ingest_data');
    expect(request).toMatchObject({ action: 'NONE' });
    expect(request?.checks).toContainEqual(
      expect.objectContaining({ backend: 'akto', mode: 'observe', result }),
    );
  });

  test('a blocked call is on record without any log event', () => {
    expect(theRecord('unlogged', blocked).verdicts).toMatchObject([{ action: 'BLOCKED', by: 'akto' }]);
  });

  test('a bridge that is killed and started again has one record of each call', () => {
    theRecord('crash', success);
    if (retries) for (const item of down) theRecord('crash', item);
  });
});
