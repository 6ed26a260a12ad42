import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Seen } from './client.ts';
import { aktoCall, capsuleCall, compare, type Difference, unmet } from './differences.ts';
import { startFakeAkto } from './fake-akto.ts';
import { type Provider, startProvider } from './provider.ts';
import { freePort, type RunningProxy, startProxy } from './proxy.ts';
import { type RecordedCall, type Recorder, startRecorder } from './recorder.ts';
import { releasesThat } from './release.ts';
import { aktoDifferences, capsuleDifferences, cases, type ParityCase } from './telemetry-parity-cases.ts';
import { until } from './telemetry-records.ts';

const aktoToken = 'invented-akto-token';
const capsuleToken = 'invented-capsule-token';
const account = { account: '4711', vxlan: '42' };

/** How LiteLLM's own integration can be told to log: with its check, or alone. */
const modes = { 'pre-log': ['pre_call', 'logging_only'], log: ['logging_only'] } as const;
type Mode = keyof typeof modes;

// The vendors' own code and the bridge in one proxy, each with a recording backend: of the same call both must tell the
// same, field by field, but for the differences listed.
describe.each(releasesThat('asks Akto as the bridge does'))(
  "parity of records with the vendors' own code in litellm $version",
  (release) => {
    let folder: string;
    let provider: Provider;
    let akto: Recorder;
    let capsule: Recorder;
    let bridge: Bridge;
    let proxy: RunningProxy;
    const sent = new Map<ParityCase, Seen>();
    const used = new Set<Difference>();

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'litellm-parity-'));
      provider = await startProvider();
      akto = await startFakeAkto('allow');
      capsule = await startRecorder(({ path }) => ({
        json: path.endsWith('/post') ? { ok: true } : { decision: 'allow' },
      }));
      const port = await freePort();
      bridge = await startBridge({
        PORT: String(port),
        DATA_DIR: folder,
        FAILURE_GRACE_SECONDS: '4',
        BANNED_KEYWORDS: 'turnip',
        BUILTIN_POLICY: 'on',
        AKTO_GUARDRAIL_API_BASE: `${akto.url}/ours`,
        AKTO_API_KEY: aktoToken,
        AKTO_ACCOUNT_ID: account.account,
        AKTO_VXLAN_ID: account.vxlan,
        CAPSULE_LITELLM_ENDPOINT: `${capsule.url}/ours`,
        CAPSULE_LITELLM_TOKEN: capsuleToken,
      });
      proxy = await startProxy({
        bin: release.bin,
        providerUrl: provider.url,
        callbacks: [...(release.capsule ? ['capsule_litellm_plugin.capsule_callback'] : []), 'bridge_logs'],
        settings: {
          router_settings: { num_retries: 1 },
          callback_settings: {
            bridge_logs: {
              callback_type: 'generic_api',
              endpoint: `${bridge.url}/v1/litellm/logs`,
              headers: {},
            },
          },
        },
        env: {
          CAPSULE_LITELLM_ENDPOINT: `${capsule.url}/theirs`,
          CAPSULE_LITELLM_TOKEN: capsuleToken,
          DEFAULT_BATCH_SIZE: '1',
        },
        guardrails: [
          ...Object.entries(modes).map(([name, mode]) => ({
            guardrail_name: name,
            litellm_params: {
              guardrail: 'akto',
              mode,
              akto_base_url: `${akto.url}/${name}`,
              akto_api_key: aktoToken,
              akto_account_id: account.account,
              akto_vxlan_id: account.vxlan,
              default_on: true,
            },
          })),
          {
            guardrail_name: 'bridge',
            litellm_params: {
              guardrail: 'generic_guardrail_api',
              mode: ['pre_call', 'post_call'],
              api_base: bridge.url,
              default_on: true,
            },
          },
        ],
      });
      for (const item of cases) {
        let attempt = 0;
        provider.reset();
        provider.respondTo = () => item.response?.(++attempt) ?? {};
        sent.set(item, await call(proxy.url, item.path, item.body, item.headers));
      }
      await until(() => cases.every((item) => ours(item).length > 0), 'a record of each call');
      await sleep(5000); // whatever else would come
    });

    afterAll(async () => {
      await proxy?.stop();
      await bridge?.stop();
      await Promise.all([provider, akto, capsule].map((server) => server?.close()));
      await rm(folder, { recursive: true, force: true });
    });

    const idOf = (item: ParityCase) => sent.get(item)?.headers.get('x-litellm-call-id') ?? 'none';

    /** The envelopes of a call which a recording Akto was told to keep, each as if it had been sent alone. */
    function kept(item: ParityCase, whose: 'ours' | Mode): RecordedCall[] {
      return akto.calls
        .filter(
          ({ path, query }) =>
            path.startsWith(`/${whose}/`) && (query.ingest_data || path.endsWith('ingestData')),
        )
        .flatMap((sent) => {
          const batch = (sent.body.batchData ?? [sent.body]) as Record<string, unknown>[];
          return batch.map((body) => ({ ...sent, body, path: '', query: {} }));
        })
        .filter(({ body }) => String(body.requestHeaders).includes(idOf(item)));
    }
    const ours = (item: ParityCase) => kept(item, 'ours');

    describe.each(Object.keys(modes) as Mode[])('Akto, beside its integration as %s', (mode) => {
      test.each(cases)('$name', (item) => {
        const theirs = kept(item, mode);
        expect(ours(item)).toHaveLength(1);
        expect(theirs).toHaveLength(item.theirs[mode]);
        const last = theirs.at(-1);
        if (last) compare(item.name, aktoCall(last), aktoCall(ours(item)[0]), aktoDifferences, used);
      });
    });

    // CAPSULE_PARITY=off: the package is under its vendor's licence
    describe.skipIf(!release.capsule)('Capsule', () => {
      test.each(cases)('$name', (item) => {
        const posts = (whose: string) =>
          capsule.calls
            .filter(
              ({ path, body }) =>
                path.startsWith(`/${whose}/`) && path.endsWith('/post') && body.requestId === idOf(item),
            )
            .map((sent) => ({ ...sent, path: sent.path.slice(whose.length + 1) }));
        expect(posts('ours')).toHaveLength(1);
        expect(posts('theirs')).toHaveLength(item.theirs.capsule);
        compare(
          item.name,
          capsuleCall(posts('theirs').at(-1)),
          capsuleCall(posts('ours')[0]),
          capsuleDifferences,
          used,
        );
      });
    });

    test('every listed difference was met', () => {
      const listed = [...aktoDifferences, ...(release.capsule ? capsuleDifferences : [])];
      expect(unmet(listed, used)).toEqual([]);
    });
  },
);
