import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Send } from './client.ts';
import { type ModelResponse, type Provider, startProvider } from './provider.ts';
import { type GuardrailEntry, masterKey, type RunningProxy, startProxy } from './proxy.ts';
import type { Release } from './release.ts';

/** A bridge that judges by a policy file and asks no vendor. */
export interface PolicySetup {
  /** The policy file. */
  policy: unknown;
  env?: Record<string, string>;
  /** True if it has a folder for files, `folderOf` its name. */
  hasData?: boolean;
  /** Parameters of its guardrails, by the end of their names; `pre` and `post` by default. */
  guardrails?: Record<string, Record<string, unknown>>;
}

/** One proxy in front of several bridges with policies; a request names the guardrails it wants. */
export interface PolicyWorld<Name extends string = string> {
  provider: Provider;
  proxy: RunningProxy;
  bridges: Record<Name, Bridge>;
  /** Where the bridge of this name keeps its files. */
  folderOf(name: Name): string;
  /** Puts another policy file in the place of the one a bridge reads. */
  rewrite(name: Name, policy: unknown): Promise<void>;
  send: Send;
  /** As `send`, without waiting for the end of the response. */
  open: Send<Response>;
  stop(): Promise<void>;
}

/** Who calls, by bearer token; all names are invented. LiteLLM needs no database for them. */
const tokens = {
  payments: 'sk-invented-payments',
  sales: 'sk-invented-sales',
  notebook: 'sk-invented-notebook',
  dora: 'sk-invented-dora',
} as const;

/** The headers with which one of them calls. */
export const bearer = (who: keyof typeof tokens) => ({ authorization: `Bearer ${tokens[who]}` });

export const callersAuth = `
from litellm.proxy._types import UserAPIKeyAuth

CALLERS = {
    "${masterKey}": {},
    "${tokens.payments}": {"team_id": "team-7", "team_alias": "payments", "key_alias": "payments-ci", "user_id": "ada"},
    "${tokens.sales}": {"team_id": "team-8", "team_alias": "sales", "key_alias": "sales-desk", "user_id": "bob"},
    "${tokens.notebook}": {"team_id": "team-9", "team_alias": "research", "key_alias": "notebook", "user_id": "cem"},
    "${tokens.dora}": {"user_id": "dora"},
}

async def user_api_key_auth(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, **CALLERS[api_key])
`;

const usual = { pre: { mode: 'pre_call' }, post: { mode: 'post_call' } };

export async function startPolicyWorld<Name extends string>(
  release: Release,
  setups: Record<Name, PolicySetup>,
): Promise<PolicyWorld<Name>> {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-policies-'));
  const names = Object.keys(setups) as Name[];
  const fileOf = (name: Name) => join(folder, `${name}.yaml`);
  const folderOf = (name: Name) => join(folder, name);
  const rewrite = (name: Name, policy: unknown) =>
    writeFile(fileOf(name), typeof policy === 'string' ? policy : JSON.stringify(policy)); // JSON is YAML
  const provider = await startProvider();
  const started = await Promise.all(
    names.map(async (name) => {
      await rewrite(name, setups[name].policy);
      const { env, hasData } = setups[name];
      const data = hasData ? { DATA_DIR: folderOf(name) } : {};
      return [name, await startBridge({ POLICY_FILE: fileOf(name), ...data, ...env })] as const;
    }),
  );
  const bridges = Object.fromEntries(started) as Record<Name, Bridge>;
  const proxy = await startProxy({
    bin: release.bin,
    providerUrl: provider.url,
    guardrails: names.flatMap((name) => entriesOf(name, bridges[name].url, setups[name].guardrails ?? usual)),
    settings: { general_settings: { custom_auth: 'policy_auth.user_api_key_auth' } },
    files: { 'policy_auth.py': callersAuth },
  });

  return {
    provider,
    proxy,
    bridges,
    folderOf,
    rewrite,
    send: ({ path }, body, guardrails, headers) => call(proxy.url, path, { ...body, guardrails }, headers),
    open: ({ path }, body, guardrails, headers) =>
      fetch(`${proxy.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ ...body, guardrails }),
        signal: AbortSignal.timeout(30_000),
      }),
    async stop() {
      await proxy.stop();
      await Promise.all(Object.values<Bridge>(bridges).map((bridge) => bridge.stop()));
      await provider.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function entriesOf(
  name: string,
  url: string,
  guardrails: Record<string, Record<string, unknown>>,
): GuardrailEntry[] {
  return Object.entries(guardrails).map(([end, params]) => ({
    guardrail_name: `${name}-${end}`,
    litellm_params: {
      guardrail: 'generic_guardrail_api',
      api_base: url,
      default_on: false,
      ...params,
    },
  }));
}

/** Makes the provider respond by number: each prompt begins with the number of its response. */
export function respondByNumber(provider: Provider, responses: ReadonlyMap<number, ModelResponse>): void {
  provider.respondTo = (body) => {
    const number = /"#(\d+)[ "]/.exec(JSON.stringify(body.messages ?? body.input ?? body.prompt))?.[1];
    return responses.get(Number(number)) ?? {};
  };
}

/** A chain of policies with their options, as a policy file. */
export function policies(options: Record<string, unknown>, more: Record<string, unknown> = {}) {
  return {
    pack: { name: 'invented', version: '1.0.0', enabled: true },
    policies: { chain: Object.keys(options) },
    policy: options,
    ...more,
  };
}
