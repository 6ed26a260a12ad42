import { recordingBridge } from './recording-bridge.ts';

/** How a body stands in a payload: as integrations of different ages write it. */
export const ENCODINGS = {
  text: (body: unknown) => JSON.stringify({ body: JSON.stringify(body) }),
  object: (body: unknown) => JSON.stringify({ body }),
  bare: (body: unknown) => JSON.stringify(body),
} as const;
export type Encoding = keyof typeof ENCODINGS;

/** The body of a chat that asks something. */
export const chat = (content: unknown = 'When does the library open?', more: object = {}) => ({
  model: 'house-model',
  messages: [
    { role: 'system', content: 'You help readers.' },
    { role: 'user', content },
  ],
  ...more,
});

/** The body of a response, as a provider writes it. */
export const answer = (content: string) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'house-model-upstream',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
});

export type Sent = {
  readonly callId?: string | undefined;
  readonly session?: string;
  readonly request?: unknown;
  readonly response?: unknown;
  readonly encoding?: Encoding;
  readonly fields?: Record<string, unknown>;
  readonly tags?: Record<string, string>;
};

/** An envelope as LiteLLM's integration of Akto makes it. */
export function envelopeOf(sent: Sent = {}): Record<string, unknown> {
  const { callId = 'call-1', session = 'session-1', request = chat(), response, fields } = sent;
  const encode = ENCODINGS[sent.encoding ?? 'text'];
  const tags = {
    'gen-ai': 'Gen AI',
    team_id: 'team-1',
    team_alias: 'readers',
    key_alias: 'desk',
    ...sent.tags,
  };
  return {
    path: '/v1/chat/completions',
    requestHeaders: JSON.stringify({
      'content-type': 'application/json',
      'user-agent': 'invented-client/1.0',
      'x-akto-installer-akto_session_id': session,
      'x-akto-installer-akto_message_id': callId,
    }),
    responseHeaders: '{}',
    method: 'POST',
    requestPayload: encode(request),
    responsePayload: response === undefined ? '{}' : encode(response),
    ip: '203.0.113.24',
    destIp: '127.0.0.1',
    time: String(Date.now()),
    statusCode: '200',
    status: '200',
    type: 'HTTP/1.1',
    akto_account_id: '1000000',
    direction: null,
    tag: JSON.stringify(tags),
    metadata: JSON.stringify(tags),
    akto_metadata: '{}',
    contextSource: 'AGENTIC',
    ...fields,
  };
}

export type AktoSaid = {
  readonly status: number;
  readonly reply: {
    readonly success?: boolean;
    readonly data?: { readonly guardrailsResult?: Record<string, unknown> };
    readonly error?: { readonly type: string };
  };
};

/** The verdict in a reply, beside its status. */
type AktoVerdictSaid = { readonly status: number } & Partial<
  Record<'Reason' | 'ModifiedPayload' | 'Behaviour', string> & Record<'Allowed' | 'Modified', boolean>
>;

/** A bridge that is asked as Akto and as Capsule, with an Akto of its own behind it. */
export async function turnedBridge(
  env: Record<string, string> = {},
  options: Parameters<typeof recordingBridge>[1] = {},
) {
  const bridge = await recordingBridge(env, options);
  await bridge.ready();
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(bridge.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, reply: text === '' ? {} : (JSON.parse(text) as AktoSaid['reply']) };
  };
  /** Sends an envelope with some flags. */
  const akto = (flags: string, envelope: unknown, headers?: Record<string, string>): Promise<AktoSaid> => {
    const query = flags
      .split(' ')
      .filter((flag) => flag !== '')
      .map((flag) => `&${flag}=true`);
    return post(`/api/http-proxy?akto_connector=litellm${query.join('')}`, envelope, headers);
  };
  const verdict = async (...sent: Parameters<typeof akto>): Promise<AktoVerdictSaid> => {
    const { status, reply } = await akto(...sent);
    return { status, ...reply.data?.guardrailsResult };
  };
  const capsule = async (hook: string, body: unknown, headers?: Record<string, string>) =>
    post(`/v1/litellm/hooks/events/${hook}`, body, headers) as Promise<{
      status: number;
      reply: Record<string, unknown>;
    }>;
  return { ...bridge, post, ask: akto, verdict, hook: capsule };
}
