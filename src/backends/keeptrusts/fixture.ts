import { bytesOfLetters, lettersOf } from './letters.ts';

/*
 * The provider of a Keeptrusts gateway that judges for the bridge. It keeps nothing: what it replies stands in what it is sent, so any
 * instance of the bridge can be asked, for a call of any thread.
 */

/** Where it is below the address of the bridge: `base_url` of the gateway's provider target. */
export const FIXTURE_BASE = '/keeptrusts/v1';

/** Stands before the message that the fixture is to reply. */
const ANSWER = 'guardrail-bridge-answer:';
/** Stands before the request as the fixture received it. */
const RECEIVED = 'guardrail-bridge-received:';
/** The `id` of its completions, which a gateway need not pass on. */
const ID = 'guardrail-bridge-fixture';

/** The completion for a body that the gateway sent: the message that it asks for, or else the body itself. */
export function fixtureReply(body: Buffer): string {
  const at = body.lastIndexOf(ANSWER);
  const message =
    at < 0
      ? JSON.stringify({ role: 'assistant', content: RECEIVED + lettersOf(body) })
      : bytesOfLetters(body, at + ANSWER.length).toString();
  const head = { id: ID, object: 'chat.completion', created: 0, model: 'guardrail-bridge' };
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  // Not read and written anew: a call can have megabytes
  const choice = `{"index":0,"finish_reason":"stop","message":${message}}`;
  return `${JSON.stringify({ ...head, usage }).slice(0, -1)},"choices":[${choice}]}`;
}

/** The content of a message that has the fixture reply another one. */
export function answerOrder(message: object): string {
  return ANSWER + lettersOf(Buffer.from(JSON.stringify(message)));
}

/** JSON that orders nothing from the fixture. */
export function withoutOrders(json: string): string {
  return json.replaceAll(ANSWER, 'guardrail-bridge answer:');
}

/** The request as the fixture received it, by the content of its message; undefined if that is not the fixture's. */
export function receivedBy(content: string): string | undefined {
  if (!content.startsWith(RECEIVED)) return undefined;
  return bytesOfLetters(Buffer.from(content, 'latin1'), RECEIVED.length).toString();
}

/** True for the `id` of a completion of the fixture. */
export function isOfFixture(id: unknown): boolean {
  return id === ID;
}
