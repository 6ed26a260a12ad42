import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { HIDDEN_PARTS, UNASKED_REQUESTS } from '../../src/litellm/coverage-hidden.ts';
import { isAtLeast, type Release as Numbers } from '../../src/litellm/releases.ts';
import { call } from './client.ts';
import { type HiddenProbe, hiddenProbes, hiddenResponses, unaskedProbes } from './coverage-hidden-probes.ts';
import { receivedBy } from './coverage-probes.ts';
import { type CoverageWorld, MARK, startCoverageWorld } from './coverage-world.ts';

const requests = HIDDEN_PARTS.filter(({ direction }) => direction === 'request');
const responses = HIDDEN_PARTS.filter(({ direction }) => direction === 'response');
const nameOf = ({ endpoint, part }: { endpoint: string; part: string }) => `${endpoint} ${part}`;

test('every part that is not shown and every request that is not asked about has a proof', () => {
  expect(requests.map(nameOf).sort()).toEqual(Object.keys(hiddenProbes).sort());
  expect(responses.map(nameOf).sort()).toEqual(Object.keys(hiddenResponses).sort());
  expect(UNASKED_REQUESTS.map(({ request }) => request).sort()).toEqual(Object.keys(unaskedProbes).sort());
});

const newest = inject('releases').find((release) =>
  inject('releases').every(({ version }) => isAtLeast(release.version, numbersOf(version))),
);

describe.each(inject('releases'))('what litellm $version does not show', (release) => {
  const isSince = (since: Numbers | undefined) => since !== undefined && isAtLeast(release.version, since);
  let world: CoverageWorld;

  beforeAll(async () => {
    world = await startCoverageWorld(release);
  });

  afterAll(async () => {
    await world?.stop();
  });

  describe('in requests', () => {
    test.each(requests.map((part) => nameOf(part)))('%s', async (name) => {
      for (const seen of await sendAll(world, hiddenProbes[name])) {
        expect(seen.shown).toBe(false);
        // Older releases keep some of them for themselves
        if (isSince([1, 103])) expect(seen.received, seen.raw).toBe(true);
      }
    });

    const closed = requests.filter(({ closedSince }) => isSince(closedSince));
    test.each(closed.map((part) => nameOf(part)))('additional_drop_params closes %s', async (name) => {
      for (const seen of await sendAll(world, hiddenProbes[name], 'closed')) {
        expect(seen.status, seen.raw).toBe(200);
        expect(seen.received).toBe(false);
      }
    });

    test('additional_drop_params leaves ordinary calls as they are', async () => {
      const tool = {
        type: 'function',
        function: { name: 'bake', parameters: { type: 'object', properties: {} } },
      };
      const ordinary = {
        messages: [{ role: 'user', content: 'Bake' }],
        temperature: 0.5,
        max_tokens: 9,
        top_p: 0.9,
      };
      const bodies = [
        ordinary,
        { ...ordinary, tools: [tool], parallel_tool_calls: false, seed: 7, user: 'ada' },
      ];
      const probe = { path: '/v1/chat/completions', model: 'house-model', bodies };
      const [open, closed] = [await sendAll(world, probe), await sendAll(world, probe, 'closed')];
      expect(closed.map(({ calls }) => calls)).toEqual(open.map(({ calls }) => calls));
    });
  });

  test.each(responses.map((part) => nameOf(part)))('in responses: %s', async (name) => {
    const probe = hiddenResponses[name];
    if (probe === undefined) throw new Error('no proof');
    const { path, model, response } = probe;
    const body =
      path === '/v1/responses'
        ? { input: 'Bake' }
        : { max_tokens: 9, messages: [{ role: 'user', content: 'Bake' }] };
    world.provider.reset(response);
    world.recorder.calls = [];
    const { raw } = await call(world.proxy.url, path, { model, ...body });
    expect(raw).toContain(MARK);
    expect(JSON.stringify(world.recorder.calls.map((one) => one.body)).includes(MARK)).toBe(false);
  });

  const unasked = UNASKED_REQUESTS.filter(({ askedSince }) => !isSince(askedSince));
  test.each(unasked.map((one) => [one.request, one] as const))(
    'not asked about: %s',
    async (name, { effect }) => {
      for (const probe of unaskedProbes[name] ?? []) {
        for (const seen of await sendAll(world, probe)) {
          expect(seen.asked, seen.raw).toBe(0);
          expect(seen.status < 400, seen.raw).toBe(effect === 'passes');
          expect(seen.received).toBe(effect === 'passes');
        }
      }
    },
  );
});

if (newest !== undefined) {
  describe(`what litellm ${newest.version} passes on under fail_on_error: false`, () => {
    let world: CoverageWorld;

    beforeAll(async () => {
      world = await startCoverageWorld(newest, { fail_on_error: false });
    });

    afterAll(async () => {
      await world?.stop();
    });

    const unasked = UNASKED_REQUESTS.filter(
      ({ askedSince }) => askedSince === undefined || !isAtLeast(newest.version, askedSince),
    );
    test.each(unasked.map((one) => [one.request, one] as const))('%s', async (name, { effect }) => {
      for (const probe of unaskedProbes[name] ?? []) {
        for (const seen of await sendAll(world, probe)) {
          expect(seen.asked, seen.raw).toBe(0);
          expect(seen.received, seen.raw).toBe(effect !== 'refused');
        }
      }
    });
  });
}

/** A version as numbers. */
function numbersOf(version: string): Numbers {
  const [major = 0, minor, patch] = version.split('.').map((part) => Number.parseInt(part, 10));
  return [major, minor ?? 0, patch ?? 0];
}

/** @param models `closed` for those whose `additional_drop_params` close what they can */
async function sendAll({ provider, proxy, recorder }: CoverageWorld, probe?: HiddenProbe, models = 'house') {
  if (probe === undefined) throw new Error('no proof');
  const model = probe.model.replace('house', models);
  const path = typeof probe.path === 'string' ? probe.path : probe.path(model);
  const results = [];
  for (const body of probe.bodies) {
    provider.reset();
    recorder.calls = [];
    const { status, raw } = await call(proxy.url, path, { ...(model !== '' && { model }), ...body });
    const asked = recorder.calls.filter((one) => one.body.input_type === 'request');
    results.push({
      ...{ status, raw, asked: asked.length, calls: provider.calls },
      shown: JSON.stringify(asked.map((one) => one.body)).includes(MARK),
      received: receivedBy(provider).includes(MARK),
    });
  }
  return results;
}
