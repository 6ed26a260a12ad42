import { HIDDEN_PARTS } from '../../src/litellm/coverage-hidden.ts';
import { type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { type RecordedCall, type Recorder, startRecorder } from './recorder.ts';
import type { Release } from './release.ts';

/** Reply of the guardrail to everything that has the mark. */
export type Told = 'allow' | 'rewrite' | 'block';

/** Treatment of the next guardrail calls; a bridge at this address is asked in place of `told`. */
export interface Orders {
  told: Told;
  bridge: string | undefined;
}

/** A proxy with every kind of endpoint, whose guardrails are on for each call, and a guardrail that does what it is told. */
export interface CoverageWorld {
  provider: Provider;
  proxy: RunningProxy;
  recorder: Recorder;
  orders: Orders;
  stop(): Promise<void>;
}

export const MARK = 'zq7-mark';
export const MASK = '[MASKED]';
export const masked = (text: string) => text.replaceAll(MARK, MASK);

/** @param params further parameters of the guardrails */
export async function startCoverageWorld(
  release: Release,
  params: Record<string, unknown> = {},
): Promise<CoverageWorld> {
  const provider = await startProvider();
  const orders: Orders = { told: 'allow', bridge: undefined };
  const recorder = await startRecorder(async (call) => ({ json: await replyTo(orders, call) }));
  const guardrails = ['pre', 'post'].map((mode) => ({
    guardrail_name: `coverage-${mode}`,
    litellm_params: {
      guardrail: 'generic_guardrail_api',
      mode: `${mode}_call`,
      api_base: recorder.url,
      default_on: true,
      ...params,
    },
  }));
  const model = (name: string, to: string, base = `${provider.url}/v1`, more = {}) => ({
    model_name: name,
    litellm_params: { model: to, api_base: base, api_key: 'invented', ...more },
  });
  const names = new Set(HIDDEN_PARTS.flatMap(({ closedBy }) => closedBy ?? []));
  const closed = (name: string, to: string, base?: string) =>
    model(`closed-${name}`, to, base, { additional_drop_params: [...names] });
  const proxy = await startProxy({
    bin: release.bin,
    providerUrl: provider.url,
    guardrails,
    modelEntries: [
      closed('model', 'openai/house-model-upstream'),
      closed('claude', 'anthropic/claude-invented', provider.url),
      closed('completion', 'text-completion-openai/house-completion-upstream'),
      closed('speech', 'openai/tts-1'),
      model('house-image', 'openai/gpt-image-1'),
      model('house-speech', 'openai/tts-1'),
      model('house-whisper', 'openai/whisper-1'),
      model('house-moderation', 'openai/omni-moderation-latest'),
      model('house-rerank', 'cohere/rerank-english-v3.0', provider.url),
      model('house-gemini', 'gemini/gemini-invented', `${provider.url}/v1beta`),
      model('house-realtime', 'openai/gpt-4o-realtime-preview', provider.url),
      model('house-video', 'openai/sora-2'),
      model('house-ocr', 'mistral/mistral-ocr-latest'),
    ],
    settings: {
      general_settings: {
        pass_through_endpoints: [
          {
            path: '/house-pass',
            target: `${provider.url}/pass`,
            guardrails: { 'coverage-pre': null, 'coverage-post': null },
          },
          {
            path: '/house-pass-chat',
            target: `${provider.url}/v1/chat/completions`,
            guardrails: { 'coverage-pre': null, 'coverage-post': null },
          },
        ],
      },
    },
    sections: {
      files_settings: [
        { custom_llm_provider: 'openai', api_base: `${provider.url}/v1`, api_key: 'invented' },
      ],
      agents: [
        {
          agent_name: 'house-agent',
          agent_card_params: {
            protocolVersion: '0.3.0',
            name: 'house-agent',
            description: 'invented',
            url: `${provider.url}/agent`,
            version: '1.0.0',
            capabilities: { streaming: true },
            defaultInputModes: ['text'],
            defaultOutputModes: ['text'],
            skills: [],
          },
          litellm_params: {},
        },
      ],
    },
    env: { OPENAI_API_KEY: 'invented', OPENAI_API_BASE: `${provider.url}/v1` },
  });
  return {
    provider,
    proxy,
    recorder,
    orders,
    async stop() {
      await proxy.stop();
      await Promise.all([provider, recorder].map((server) => server.close()));
    },
  };
}

async function replyTo({ told, bridge }: Orders, { body, path }: RecordedCall): Promise<unknown> {
  if (bridge !== undefined) {
    const reply = await fetch(`${bridge}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return reply.json();
  }
  if (told === 'allow' || !JSON.stringify(body).includes(MARK)) return { action: 'NONE' };
  if (told === 'block') return { action: 'BLOCKED', blocked_reason: 'refused-by-guardrail' };
  const texts = (body.texts as string[] | null)?.map(masked) ?? [];
  return { action: 'GUARDRAIL_INTERVENED', texts };
}
