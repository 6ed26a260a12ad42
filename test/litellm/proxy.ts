import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killAtExit } from './children.ts';

/** The key clients of the test proxy use; invented. */
export const masterKey = 'sk-invented-master-key';

/** Variables with which LiteLLM downloads nothing at its start. */
export const offline = {
  LITELLM_LOCAL_MODEL_COST_MAP: 'True',
  LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS: 'True',
  LITELLM_LOCAL_BLOG_POSTS: 'True',
  LITELLM_TELEMETRY: 'False',
};

/** One entry under `guardrails:` in LiteLLM's config. */
export interface GuardrailEntry {
  guardrail_name: string;
  litellm_params: Record<string, unknown>;
}

export interface ProxyOptions {
  bin: string;
  providerUrl: string;
  guardrails: GuardrailEntry[];
  callbacks?: string[];
  /** Model names beside the usual ones; the provider gets each with `-upstream` at its end. */
  models?: string[];
  /** Further entries of `model_list`. */
  modelEntries?: { model_name: string; litellm_params: Record<string, unknown> }[];
  /** Further sections of the config. */
  sections?: Record<string, unknown>;
  /** Merged into `litellm_params` of every model. */
  modelParams?: Record<string, unknown>;
  /** Merged into the sections of the config. */
  settings?: Partial<
    Record<
      'general_settings' | 'router_settings' | 'litellm_settings' | 'callback_settings',
      Record<string, unknown>
    >
  >;
  /** The text of a whole config, in place of one made of the above. */
  config?: string;
  /** Files beside the config. */
  files?: Record<string, string>;
  env?: Record<string, string>;
  /** Processes of the proxy; one by default. */
  workers?: number;
}

export interface RunningProxy {
  url: string;
  log(): string;
  stop(): Promise<void>;
}

/** A thousand ports for each file that runs at a time: LiteLLM listens seconds after it was given one. */
const firstPort = 20_000 + 1_000 * (Number(process.env.VITEST_POOL_ID ?? 0) % 10);

/** A port which nothing listens on, below those that the system gives to connections: one could take it before its server. */
export async function freePort(): Promise<number> {
  const port = randomInt(firstPort, firstPort + 1_000);
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => resolve(true));
  });
  if (!isFree) return freePort();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Starts `litellm` of a venv with a fresh config and waits until it is up. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-proxy-'));
  const config = join(folder, 'config.yaml');
  const openai = (model: string) => ({
    model_name: model,
    litellm_params: {
      model: `openai/${model}-upstream`,
      api_base: `${options.providerUrl}/v1`,
      api_key: 'invented',
      ...options.modelParams,
    },
  });
  const json = {
    model_list: [
      openai('house-model'),
      openai('house-embedding'),
      ...(options.models ?? []).map(openai),
      ...(options.modelEntries ?? []),
      {
        model_name: 'house-completion',
        litellm_params: {
          model: 'text-completion-openai/house-completion-upstream',
          api_base: `${options.providerUrl}/v1`,
          api_key: 'invented',
          ...options.modelParams,
        },
      },
      {
        model_name: 'house-claude',
        litellm_params: {
          model: 'anthropic/claude-invented',
          api_base: options.providerUrl,
          api_key: 'invented',
          ...options.modelParams,
        },
      },
    ],
    general_settings: { master_key: masterKey, ...options.settings?.general_settings },
    router_settings: { num_retries: 0, disable_cooldowns: true, ...options.settings?.router_settings },
    litellm_settings: {
      ...(options.callbacks ? { callbacks: options.callbacks } : {}),
      ...options.settings?.litellm_settings,
    },
    ...(options.settings?.callback_settings && { callback_settings: options.settings.callback_settings }),
    guardrails: options.guardrails,
    ...options.sections,
  };
  await writeFile(config, options.config ?? JSON.stringify(json, null, 2)); // JSON is YAML
  for (const [name, text] of Object.entries(options.files ?? {})) await writeFile(join(folder, name), text);
  const port = await freePort();
  let log = '';
  const child = spawn(
    join(options.bin, 'litellm'),
    [
      ...['--config', config, '--port', String(port), '--host', '127.0.0.1'],
      ...(options.workers === undefined ? [] : ['--num_workers', String(options.workers)]),
    ],
    {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: `${options.bin}:${process.env.PATH ?? ''}`,
        HOME: folder,
        PYTHONUNBUFFERED: '1',
        PYTHONDONTWRITEBYTECODE: '1',
        NO_PROXY: '*',
        ...offline,
        NO_DOCS: 'True',
        ...options.env,
      },
    },
  );
  child.stdout.on('data', (data: Buffer) => (log += data.toString('utf8')));
  child.stderr.on('data', (data: Buffer) => (log += data.toString('utf8')));
  const forget = killAtExit(() => killGroup(child, 'SIGKILL'));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const proxy: RunningProxy = {
    url: `http://127.0.0.1:${port}`,
    log: () => log,
    async stop() {
      killGroup(child, 'SIGTERM');
      if ((await Promise.race([exited, sleep(5_000, 'late', { ref: false })])) === 'late') {
        killGroup(child, 'SIGKILL');
        await exited;
      }
      forget();
      await rm(folder, { recursive: true, force: true });
    },
  };
  // It takes 9 s of a core, and on a machine whose cores are shared by much else some minutes
  const giveUpAt = Date.now() + 240_000;
  while (!(await isUp(`${proxy.url}/health/liveliness`))) {
    if (child.exitCode !== null || Date.now() > giveUpAt) {
      await proxy.stop();
      throw new Error(`litellm did not start:\n${log.slice(-4_000)}`);
    }
    await sleep(250);
  }
  return proxy;
}

async function isUp(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // already gone
  }
}
