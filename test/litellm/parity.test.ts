import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Seen } from './client.ts';
import { aktoCall, capsuleCall, compare, type Difference, unmet } from './differences.ts';
import { startFakeAkto } from './fake-akto.ts';
import { aktoDifferences, capsuleDifferences, cases, type ParityCase } from './parity-cases.ts';
import { type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { type RecordedCall, type Recorder, startRecorder } from './recorder.ts';
import { releasesThat } from './release.ts';

const aktoToken = 'invented-akto-token';
const capsuleToken = 'invented-capsule-token';

// The vendors' own code and the bridge in one proxy, each with a recording backend: for the same client request
// both must send the same, field by field, but for the differences listed here.
describe.each(releasesThat('asks Akto as the bridge does'))(
  "parity with the vendors' own code in litellm $version",
  (release) => {
    let provider: Provider;
    let theirAkto: Recorder;
    let ourAkto: Recorder;
    let theirCapsule: Recorder;
    let ourCapsule: Recorder;
    let bridge: Bridge;
    let proxy: RunningProxy;

    beforeAll(async () => {
      const allowing = ({ path }: RecordedCall) => ({
        json: path.endsWith('/post') ? { ok: true } : { decision: 'allow' },
      });
      [provider, theirAkto, ourAkto, theirCapsule, ourCapsule] = await Promise.all([
        startProvider(),
        startFakeAkto('allow'),
        startFakeAkto('allow'),
        startRecorder(allowing),
        startRecorder(allowing),
      ]);
      bridge = await startBridge({
        AKTO_GUARDRAIL_API_BASE: ourAkto.url,
        AKTO_API_KEY: aktoToken,
        AKTO_ACCOUNT_ID: '4711',
        AKTO_VXLAN_ID: '42',
        CAPSULE_LITELLM_ENDPOINT: ourCapsule.url,
        CAPSULE_LITELLM_TOKEN: capsuleToken,
      });
      proxy = await startProxy({
        bin: release.bin,
        providerUrl: provider.url,
        ...(release.capsule ? { callbacks: ['capsule_litellm_plugin.capsule_callback'] } : {}),
        env: { CAPSULE_LITELLM_ENDPOINT: theirCapsule.url, CAPSULE_LITELLM_TOKEN: capsuleToken },
        guardrails: ['pre', 'post'].flatMap((mode) => [
          {
            guardrail_name: `akto-${mode}`,
            litellm_params: {
              guardrail: 'akto',
              mode: `${mode}_call`,
              akto_base_url: theirAkto.url,
              akto_api_key: aktoToken,
              akto_account_id: '4711',
              akto_vxlan_id: '42',
              default_on: false,
            },
          },
          {
            guardrail_name: `bridge-${mode}`,
            litellm_params: {
              guardrail: 'generic_guardrail_api',
              mode: `${mode}_call`,
              api_base: bridge.url,
              default_on: false,
              extra_headers: ['x-forwarded-for', 'x-kitchen'],
            },
          },
        ]),
      });
    });

    afterAll(async () => {
      await proxy?.stop();
      await bridge?.stop();
      await Promise.all(
        [provider, theirAkto, ourAkto, theirCapsule, ourCapsule].map((server) => server?.close()),
      );
    });

    async function send(item: ParityCase, guardrails: string[]): Promise<Seen> {
      provider.reset(item.response ?? {});
      for (const recorder of [theirAkto, ourAkto, theirCapsule, ourCapsule]) recorder.calls = [];
      const seen = await call(proxy.url, item.path, { ...item.body, guardrails }, item.headers);
      expect(seen.status, seen.raw.slice(0, 400)).toBe(200);
      return seen;
    }

    describe('Akto', () => {
      const used = new Set<Difference>();

      test.each(cases)('$name: the check of the request is that of the vendor', async (item) => {
        await send(item, ['akto-pre', 'bridge-pre']);

        const theirs = theirAkto.calls.filter(({ query }) => query.file_guardrails !== 'true');
        expect(theirs).toHaveLength(1);
        expect(ourAkto.calls).toHaveLength(1);
        compare(item.name, aktoCall(theirs[0]), aktoCall(ourAkto.calls[0]), aktoDifferences.request, used);
        const words = JSON.stringify(aktoCall(ourAkto.calls[0]).body);
        for (const text of item.said) expect(words).toContain(text);
        expect(words).not.toMatch(/invented-other-key|session=invented/);
      });

      test.each(cases.filter(({ hasResponse }) => hasResponse))(
        '$name: the check of the response is that of the vendor',
        async (item) => {
          await send(item, ['akto-pre', 'akto-post', 'bridge-pre', 'bridge-post']);

          const responses = (recorder: Recorder) =>
            recorder.calls.filter(({ query }) => query.response_guardrails === 'true');
          expect(responses(theirAkto)).toHaveLength(1);
          expect(responses(ourAkto)).toHaveLength(1);
          compare(
            item.name,
            aktoCall(responses(theirAkto)[0]),
            aktoCall(responses(ourAkto)[0]),
            aktoDifferences.response,
            used,
          );
          const words = JSON.stringify(aktoCall(responses(ourAkto)[0]).body);
          const response = item.response?.toolCalls ? 'apple pie' : 'A kettle boils water.';
          for (const text of [...item.said, response]) expect(words).toContain(text);
        },
      );

      test('every listed difference was met', () => {
        expect(unmet([...aktoDifferences.request, ...aktoDifferences.response], used)).toEqual([]);
      });
    });

    describe('Capsule', () => {
      const used = new Set<Difference>();

      // CAPSULE_PARITY=off: the package is under its vendor's licence
      test.skipIf(!release.capsule).each(cases)('$name: the pre hook', async (item) => {
        await send(item, ['bridge-pre']);

        const theirs = theirCapsule.calls.filter(({ path }) => path.endsWith('/events/pre'));
        expect(theirs).toHaveLength(1);
        expect(ourCapsule.calls).toHaveLength(1);
        compare(
          item.name,
          capsuleCall(theirs[0]),
          capsuleCall(ourCapsule.calls[0]),
          capsuleDifferences,
          used,
        );
        const words = JSON.stringify(ourCapsule.calls[0]?.body);
        for (const text of item.said) expect(words).toContain(text);
      });

      test.skipIf(!release.capsule)('every listed difference was met', () => {
        expect(unmet(capsuleDifferences, used)).toEqual([]);
      });
    });
  },
);
