import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { AskDemo } from './demo-calls.ts';

type Body = {
  readonly error?: { readonly message?: string };
  readonly choices?: readonly {
    readonly message?: { readonly content?: string };
    readonly delta?: { readonly content?: string };
  }[];
};

/** Sends chats to LiteLLM, as any client does. */
export function chatClient(url: string, key: string, stop: AbortSignal): AskDemo {
  return async ({ model, prompt, isStreamed }, onPiece) => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ model, stream: isStreamed, user: 'visitor-7' },
        messages: [{ role: 'user', content: prompt }],
      }),
      signal: stop,
    });
    const { status } = response;
    let text = '';
    let error: string | undefined;
    const take = (body: Body, piece: string | undefined) => {
      if (body.error !== undefined) error = body.error.message ?? 'an error without a message';
      if (!piece) return;
      text += piece;
      onPiece(piece);
    };
    if (isStreamed && response.ok && response.body !== null) {
      for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) {
        if (!line.startsWith('data: {')) continue;
        const body = JSON.parse(line.slice('data: '.length)) as Body;
        take(body, body.choices?.[0]?.delta?.content);
      }
    } else {
      const body = (await response.json()) as Body;
      take(body, body.choices?.[0]?.message?.content);
    }
    return { status, text, ...(error !== undefined && { error }) };
  };
}
