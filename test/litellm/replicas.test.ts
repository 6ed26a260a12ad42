import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { postgresPrograms } from '../postgres/programs.ts';
import { type Balancer, startBalancer } from '../postgres/replicas.ts';
import { newSchema, type Postgres, startPostgres, until } from '../postgres/server.ts';
import { type Bridge, startBridge } from './bridge.ts';
import { call, streamedText } from './client.ts';
import { chat } from './endpoints.ts';
import { type Provider, startProvider } from './provider.ts';
import { freePort, type RunningProxy, startProxy } from './proxy.ts';
import { type Recorder, startRecorder } from './recorder.ts';

/*
 * The real LiteLLM with two workers in front of two bridges that share a Postgres: a balancer gives each request to the other bridge, so
 * that the parts of a call land on different ones.
 */

const ROOT = resolve(import.meta.dirname, '..', '..');
/** The last commit of the release before replicas. */
const PREVIOUS = 'f42148f';

const POLICY = {
  pack: { name: 'replicas', version: '1.0.0' },
  policies: { chain: ['banned-keywords', 'pii-detector'] },
  policy: {
    'banned-keywords': { keywords: ['turnip'] },
    'pii-detector': { entities: ['EMAIL_ADDRESS'], redaction: { reversible: true } },
  },
};

const ADDRESS = 'ada@kitchen.example';
const KEY = 'invented-bridge-key';

/** A vendor that takes records alone, one proxy, and bridges behind a balancer. */
type World = {
  readonly provider: Provider;
  readonly akto: Recorder;
  readonly balancer: Balancer;
  readonly proxy: RunningProxy;
  /** Those that the balancer knows. */
  readonly behind: Set<Bridge>;
  readonly folder: string;
  envOf(name: string): Promise<Record<string, string>>;
};

async function startWorld(
  bin: string,
  first: (world: Omit<World, 'proxy'>) => Promise<void>,
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'litellm-replicas-'));
  const policyFile = join(folder, 'policies.json');
  writeFileSync(
    policyFile,
    JSON.stringify({ ...POLICY, rules: [{ name: 'all', match: { model: '*' }, backends: [] }] }),
  );
  const provider = await startProvider();
  const akto = await startRecorder(() => ({ json: { success: true } }));
  const behind = new Set<Bridge>();
  const balancer = await startBalancer(() => [...behind].map(({ url }) => url));
  const envOf = async (name: string) => ({
    PORT: String(await freePort()),
    DATA_DIR: join(folder, name),
    POLICY_FILE: policyFile,
    BRIDGE_API_KEYS: KEY,
    AKTO_GUARDRAIL_API_BASE: akto.url,
    AKTO_API_KEY: 'invented-akto-token',
    FAILURE_GRACE_SECONDS: '2',
    RESPONSE_REDACTION: 'rewrite',
  });
  const world = { provider, akto, balancer, behind, folder, envOf };
  await first(world);
  const params = {
    guardrail: 'generic_guardrail_api',
    api_base: balancer.url,
    api_key: KEY,
    default_on: true,
  };
  const proxy = await startProxy({
    ...{ bin, providerUrl: provider.url, callbacks: ['bridge'], workers: 2 },
    guardrails: [
      { guardrail_name: 'pre', litellm_params: { ...params, mode: 'pre_call' } },
      {
        guardrail_name: 'post',
        litellm_params: { ...params, mode: 'post_call', streaming_transform_mode: 'incremental_diff' },
      },
    ],
    settings: {
      callback_settings: {
        bridge: {
          ...{ callback_type: 'generic_api', endpoint: `${balancer.url}/v1/litellm/logs` },
          ...{ headers: { 'x-api-key': KEY }, max_retries: 5, retry_delay: 0.5 },
        },
      },
    },
  });
  return { ...world, proxy };
}

async function stopWorld({ proxy, provider, akto, balancer, behind, folder }: World): Promise<void> {
  await proxy.stop();
  await Promise.all([...behind].map((bridge) => bridge.stop()));
  await Promise.all([provider.close(), akto.close(), balancer.close()]);
  rmSync(folder, { recursive: true, force: true });
}

type Stored = {
  readonly callId: string;
  readonly recordId: string;
  readonly text: string;
  readonly status: string;
};

/** The records that Akto has, by the word that only their call says. */
function recordsOf({ akto }: Pick<World, 'akto'>, word: string): Stored[] {
  return akto.calls
    .filter(({ path }) => path.endsWith('/api/ingestData'))
    .flatMap(({ body }) => body.batchData as { tag: string; requestPayload: string; statusCode: string }[])
    .filter((sent) => JSON.stringify(sent).includes(word))
    .map((sent) => {
      const tags = JSON.parse(sent.tag) as Record<string, string>;
      return {
        callId: String(tags.litellm_call_id),
        recordId: String(tags.record_id),
        text: sent.tag,
        status: sent.statusCode,
      };
    });
}

const sides = ({ text }: Stored) => ['request', 'response'].filter((side) => text.includes(`\\"${side}\\"`));

describe.runIf(postgresPrograms() !== undefined).each(inject('releases').slice(0, 1))(
  'LiteLLM $version before replicas',
  ({ bin }) => {
    let postgres: Postgres;
    let world: World;

    beforeAll(async () => {
      postgres = await startPostgres();
      const shared = {
        DATABASE_URL: postgres.url,
        DATABASE_SCHEMA: newSchema(),
        STATE_KEY: 'c0ffee00'.repeat(8),
      };
      world = await startWorld(bin, async ({ behind, envOf }) => {
        for (const name of ['a', 'b']) behind.add(await startBridge({ ...(await envOf(name)), ...shared }));
      });
    });

    afterAll(async () => {
      await stopWorld(world);
      await postgres.remove();
    });

    test.each(['whole', 'streamed'])(
      'a value that one replica hides is put back by another: %s',
      async (how) => {
        const { provider, proxy } = world;
        provider.reset();
        provider.respondTo = (body) => ({
          text: `I wrote to ${markerIn(JSON.stringify(body))} today.`,
          chunkSize: 4,
        });
        for (let i = 0; i < 10; i++) {
          const body = chat.ask(`Number ${i}: write to ${ADDRESS}.`);
          const seen = await call(proxy.url, chat.path, {
            ...body,
            ...(how === 'streamed' && { stream: true }),
          });
          expect(JSON.stringify(provider.calls.at(-1)?.body)).not.toContain(ADDRESS);
          const said = how === 'streamed' ? streamedText(seen.raw) : seen.raw;
          expect(said).toContain(`I wrote to ${ADDRESS} today.`);
        }
      },
    );

    test('a call that is blocked before or after the model, or by neither, has one record with the decisions of both sides', async () => {
      const { provider, proxy } = world;
      provider.reset();
      const words = (i: number) => `word${i}x${Date.now()}`;
      const sent = { allowed: [] as string[], before: [] as string[], after: [] as string[] };
      for (let i = 0; i < 24; i++) {
        const word = words(i);
        const kind = (['allowed', 'before', 'after'] as const)[i % 3] as keyof typeof sent;
        provider.respondTo = () => ({ text: kind === 'after' ? 'Cook a turnip.' : 'Cook a plum.' });
        const seen = await call(
          proxy.url,
          chat.path,
          chat.ask(`About ${word}: ${kind === 'before' ? 'a turnip' : 'a plum'}?`),
        );
        expect(seen.status === 200).toBe(kind === 'allowed');
        sent[kind].push(word);
      }
      const all = [...sent.allowed, ...sent.before, ...sent.after];
      await until(
        () => all.every((word) => recordsOf(world, word).length > 0),
        'every call has a record',
        40_000,
      );
      // Failures that LiteLLM logs of blocked calls come meanwhile
      await wait(5000);
      for (const word of all)
        expect(new Set(recordsOf(world, word).map(({ recordId }) => recordId)).size, word).toBe(1);
      for (const word of sent.allowed)
        expect(sides(recordsOf(world, word)[0] as Stored), word).toEqual(['request', 'response']);
      for (const word of sent.after)
        expect(sides(recordsOf(world, word)[0] as Stored), word).toEqual(['request', 'response']);
      for (const word of [...sent.before, ...sent.after])
        expect(recordsOf(world, word)[0]?.status).toBe('403');
    });

    test('both replicas judged, and neither counts a call as missing', async () => {
      for (const bridge of world.behind) {
        const metrics = await bridge.metrics();
        expect(metrics).toMatch(/^guardrail_bridge_decisions_total\{input_type="response".*\} [1-9]/m);
        expect(metrics).toMatch(/^guardrail_bridge_decisions_total\{input_type="request".*\} [1-9]/m);
        expect(metrics).toMatch(/^guardrail_bridge_telemetry_missing_events_total 0$/m);
      }
    });
  },
);

describe.runIf(postgresPrograms() !== undefined && hasPrevious()).each(inject('releases').slice(0, 1))(
  'a rollout from the release before, with LiteLLM $version',
  ({ bin }) => {
    test('fails no call, and records each once', { timeout: 240_000 }, async () => {
      const postgres = await startPostgres();
      const previous = checkOutPrevious();
      const shared = {
        DATABASE_URL: postgres.url,
        DATABASE_SCHEMA: newSchema(),
        STATE_KEY: 'c0ffee00'.repeat(8),
      };
      const old: { bridge: Bridge; env: Record<string, string> }[] = [];
      const world = await startWorld(bin, async ({ behind, envOf }) => {
        for (const name of ['a', 'b']) {
          const env = await envOf(name);
          const bridge = await startBridge(env, previous);
          behind.add(bridge);
          old.push({ bridge, env });
        }
      });
      try {
        world.provider.respondTo = (body) => ({
          text: `About ${/word\d+y/.exec(JSON.stringify(body))?.[0]}: nine.`,
        });
        const statuses: number[] = [];
        let isOver = false;
        const client = async (n: number) => {
          for (let i = 0; !isOver; i++) {
            const { status } = await call(
              world.proxy.url,
              chat.path,
              chat.ask(`About word${n * 100_000 + i}y: when?`),
            );
            statuses.push(status);
          }
        };
        const clients = [1, 2, 3, 4].map(client);
        for (const { bridge, env } of old) {
          await until(() => statuses.length > 20, 'calls are under way');
          // A new one beside it, and the old one leaves the balancer before it ends, as a rolling update does
          const next = await startBridge({
            ...env,
            ...shared,
            DATA_DIR: `${env.DATA_DIR}-next`,
            PORT: String(await freePort()),
          });
          world.behind.add(next);
          await wait(1500);
          world.behind.delete(bridge);
          await wait(1500);
          await bridge.stop();
        }
        await wait(2000);
        isOver = true;
        await Promise.all(clients);
        expect(statuses.filter((status) => status !== 200)).toEqual([]);
        expect(statuses.length).toBeGreaterThan(50);
        const found = () => {
          const text = JSON.stringify(
            world.akto.calls.filter(({ path }) => path.endsWith('/api/ingestData')),
          );
          return new Set([...text.matchAll(/About (word\d+y)/g)].map(([, word]) => word));
        };
        await until(() => found().size >= statuses.length, 'every call has a record', 60_000);
        console.log(`rollout: ${statuses.length} calls, 0 failed, ${found().size} recorded`);
      } finally {
        await stopWorld(world);
        await postgres.remove();
        rmSync(previous, { recursive: true, force: true });
      }
    });
  },
);

function markerIn(text: string): string {
  return /\[EMAIL_ADDRESS_\d+\]/.exec(text)?.[0] ?? 'nobody';
}

/** A checkout without history has no release before. */
function hasPrevious(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${PREVIOUS}^{commit}`], { cwd: ROOT, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The folder of that release, with the packages of this one, which are the same and more. */
function checkOutPrevious(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-previous-'));
  const packed = execFileSync('git', ['archive', PREVIOUS, 'src', 'package.json'], {
    cwd: ROOT,
    maxBuffer: 2 ** 28,
  });
  execFileSync('tar', ['-x', '-C', folder], { input: packed });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
