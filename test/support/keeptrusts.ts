import { fixtureReply } from '../../src/backends/keeptrusts/fixture.ts';
import { json, type Reply } from './fake-backend.ts';

type Message = Record<string, unknown>;
type Denial = { policy: string; code: string; message?: string; status?: number };

/** The policies of a gateway: each denies a text, or replaces a part of it. */
export type GatewayPolicies = {
  readonly input?: (text: string, messages: readonly Message[]) => string | Denial;
  readonly output?: (text: string, message: Message) => string | Denial;
};

/**
 * A Keeptrusts gateway: its chain looks at the messages, then a provider is asked, then its chain looks at what that said.
 *
 * @param provider asks the provider target with the body; by default the fixture, without the way there
 */
export function keeptrustsGateway(
  { input, output }: GatewayPolicies = {},
  provider: (body: string) => Promise<unknown> = async (body) =>
    JSON.parse(`${await fixtureReply(Buffer.from(body))}`),
): Reply {
  return async (request, response) => {
    const respond = (value: unknown, status = 200) => json(value, status)(request, response);
    const deny = ({ status = 409, message = 'Request blocked by policy', ...rest }: Denial) =>
      respond({ error: { type: 'policy_violation', message, ...rest } }, status);
    const body = request.body as { model: string; messages: Message[] };
    const messages: Message[] = [];
    for (const message of body.messages) {
      const judged = judge(message, (text) => input?.(text, body.messages));
      if ('denial' in judged) return void deny(judged.denial);
      messages.push(judged.message);
    }
    // Neither the headers nor the model of its caller
    let completion: { choices: { message: Message }[] };
    try {
      completion = (await provider(JSON.stringify({ model: 'gpt-4o', messages, stream: false }))) as never;
    } catch {
      return void respond({ error: { type: 'upstream_error', message: 'Provider did not answer' } }, 502);
    }
    const [choice] = completion.choices;
    const judged = judge(choice!.message, (text) => output?.(text, choice!.message));
    if ('denial' in judged) return void deny(judged.denial);
    const choices = [{ index: 0, finish_reason: 'stop', message: judged.message }];
    return void respond({
      id: 'chatcmpl-of-the-gateway',
      object: 'chat.completion',
      model: body.model,
      choices,
    });
  };
}

function judge(
  message: Message,
  policy: (text: string) => string | Denial | undefined,
): { message: Message } | { denial: Denial } {
  const { content } = message;
  const verdict = typeof content === 'string' ? policy(content) : undefined;
  if (verdict === undefined) return { message };
  return typeof verdict === 'string' ? { message: { ...message, content: verdict } } : { denial: verdict };
}
