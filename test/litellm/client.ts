import { masterKey } from './proxy.ts';

export interface Seen {
  status: number;
  /** The raw body, as the client got it. */
  raw: string;
  /** The parsed body, undefined when it is not JSON. */
  json: unknown;
  headers: Headers;
}

/** Asks a proxy for an endpoint, under the guardrails of these names. */
export type Send<Reply = Seen> = (
  endpoint: { readonly path: string },
  body: Record<string, unknown>,
  guardrails: string[],
  headers?: Record<string, string>,
) => Promise<Reply>;

/** One call of an ordinary client to the proxy. */
export async function call(
  proxyUrl: string,
  path: string,
  body: Record<string, unknown>,
  headers: Record<string, string> = {},
): Promise<Seen> {
  const response = await fetch(`${proxyUrl}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${masterKey}`,
      'content-type': 'application/json',
      'user-agent': 'invented-client/1.0',
      ...headers,
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const raw = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch {
    json = undefined;
  }
  return { status: response.status, raw, json, headers: response.headers };
}

export interface StreamEvent {
  event: string | undefined;
  /** The parsed `data:` line, or its text when it is not JSON. */
  data: unknown;
}

/** The events of a server-sent event stream. */
export function events(raw: string): StreamEvent[] {
  return raw
    .split('\n\n')
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const lines = block.split('\n');
      const data = lines
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trim())
        .join('\n');
      const event = lines
        .find((line) => line.startsWith('event:'))
        ?.slice(6)
        .trim();
      try {
        return { event, data: JSON.parse(data) as unknown };
      } catch {
        return { event, data };
      }
    });
}

/** The response text a client reads from a stream, whatever the endpoint. */
export function streamedText(raw: string): string {
  return events(raw)
    .map(({ data }) => {
      const chunk = data as {
        choices?: { delta?: { content?: string }; text?: string }[];
        type?: string;
        delta?: string | { text?: string };
      };
      if (chunk.choices) return chunk.choices[0]?.delta?.content ?? chunk.choices[0]?.text ?? '';
      if (chunk.type === 'response.output_text.delta') return String(chunk.delta);
      if (chunk.type === 'content_block_delta' && typeof chunk.delta === 'object')
        return chunk.delta.text ?? '';
      return '';
    })
    .join('');
}
