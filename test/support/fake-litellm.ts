import { fakeBackend } from './closing.ts';
import { json, type Reply, type SeenRequest } from './fake-backend.ts';

/** A guardrail of the fake, or its callback. */
type Wire = { readonly url: string; readonly key?: string };

export type FakeLitellm = {
  readonly key: string;
  readonly pre?: Wire | undefined;
  readonly post?: Wire | undefined;
  /** Asked about streamed responses in place of `post`. */
  readonly stream?: Wire;
  /** Parameters of the guardrail for streams. */
  readonly streamParams?: object;
  readonly callback?: Wire | undefined;
  /** Calls pass where a guardrail cannot be asked. */
  readonly failsOpen?: boolean;
  readonly models?: readonly string[];
  /** The text of the model; it fails for undefined. */
  readonly says?: string | undefined;
  /** Tokens that the model thinks before it says anything. */
  readonly thinks?: number;
  readonly release?: string;
  readonly mcpServers?: number;
};

/** A server that behaves as LiteLLM does towards the bridge and the doctor, on a free port until the end of the test. */
export async function fakeLitellm(options: FakeLitellm) {
  const { key, models = ['text-embedding-1', 'gpt-1'], mcpServers = 0 } = options;
  const data = (rows: readonly object[]) => ({ data: rows });
  return fakeBackend(async (request, response) => {
    const reply = (value: unknown, status = 200) => json(value, status)(request, response);
    if (request.path === '/health/readiness') return reply({ status: 'healthy' });
    if (request.headers.authorization !== `Bearer ${key}`) return reply({ error: { message: 'no' } }, 401);
    switch (request.path) {
      case '/v1/models':
        return reply(data(models.map((id) => ({ id }))));
      case '/v1/model/info':
        return reply(data([{ model_name: 'text-embedding-1', model_info: { mode: 'embedding' } }]));
      case '/v1/mcp/server':
        return reply(Array.from({ length: mcpServers }, () => ({})));
      default:
        return answer(options, request, reply, response);
    }
  });
}

class GuardrailError extends Error {}

async function answer(
  options: FakeLitellm,
  { headers, body, path }: SeenRequest,
  reply: (value: unknown, status?: number) => void | Promise<void>,
  response: Parameters<Reply>[1],
): Promise<void> {
  const { says, thinks = 0, callback, release = '1.110.2' } = options;
  const id = String(headers['x-litellm-call-id']);
  const sent = body as { model: string; stream?: boolean; max_tokens?: number; max_output_tokens?: number };
  const tokens = sent.max_tokens ?? sent.max_output_tokens ?? 0;
  const text = tokens < thinks ? '' : says;
  const common = { litellm_call_id: id, litellm_trace_id: id, litellm_version: release };
  try {
    await ask(options, options.pre, {
      ...common,
      input_type: 'request',
      texts: ['plums'],
      model: sent.model,
    });
    if (text === undefined) return await reply({ error: { message: 'the provider has no credit' } }, 429);
    const params = options.streamParams ?? { stream: true };
    const guardrail = sent.stream ? (options.stream ?? options.post) : options.post;
    if (text !== '') {
      const wiring = { additional_provider_specific_params: sent.stream ? params : { stream: false } };
      await ask(options, guardrail, {
        ...common,
        ...wiring,
        input_type: 'response',
        texts: [text],
        model: 'm',
      });
    }
  } catch (error) {
    if (!(error instanceof GuardrailError)) throw error;
    return await reply({ error: { message: error.message } }, 500);
  } finally {
    const event = { id: `r-${id}`, litellm_call_id: id, status: text === undefined ? 'failure' : 'success' };
    if (callback !== undefined) await post(callback, [event]).catch(() => undefined);
  }
  if (!sent.stream) return await reply(RESPONSES[path]?.(text) ?? {});
  const chunk = { choices: [{ delta: { content: text } }] };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
}

const RESPONSES: Readonly<Record<string, (text: string) => object>> = {
  '/v1/chat/completions': (content) => ({ choices: [{ message: { content } }] }),
  '/v1/messages': (text) => ({ content: [{ type: 'text', text }] }),
  '/v1/responses': (text) => ({ output: [{ content: [{ type: 'output_text', text }] }] }),
};

async function ask({ failsOpen }: FakeLitellm, guardrail: Wire | undefined, call: object): Promise<void> {
  if (guardrail === undefined) return;
  const url = `${guardrail.url}/beta/litellm_basic_guardrail_api`;
  const said = await post({ ...guardrail, url }, call).catch((error: Error) => ({ error: error.message }));
  const { action, blocked_reason, error } = said as Record<string, unknown>;
  if (action === 'BLOCKED') throw new GuardrailError(String(blocked_reason));
  if (action === undefined && !failsOpen)
    throw new GuardrailError(`Generic Guardrail API failed: ${JSON.stringify(error)}`);
}

async function post({ url, key }: Wire, body: unknown): Promise<unknown> {
  const headers: Record<string, string> = key === undefined ? {} : { 'x-api-key': key };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}
