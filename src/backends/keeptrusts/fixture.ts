import { bytesOfLetters, lettersOf, readLetters, writeLetters } from './letters.ts';

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

/**
 * The completion for a body that the gateway sent: the message that it asks for, or else the body itself. Bytes become bytes, neither
 * read nor written anew, and others have their turn meanwhile: a call can have megabytes.
 */
export async function fixtureReply(body: Buffer): Promise<Buffer<ArrayBuffer>> {
  const order = body.lastIndexOf(ANSWER);
  const from = order + ANSWER.length;
  const [before, after] = order < 0 ? AROUND_RECEIVED : AROUND_MESSAGE;
  const most = order < 0 ? 2 * body.length : (body.length - from) >> 1;
  const reply = Buffer.allocUnsafe(before.length + most + after.length);
  before.copy(reply);
  if (order < 0) await writeLetters(body, reply, before.length);
  const end = order < 0 ? before.length + most : await readLetters(body, from, reply, before.length);
  after.copy(reply, end);
  return reply.subarray(0, end + after.length);
}

/** A completion round a message, and round the content of one. */
const AROUND_MESSAGE = around('{}');
const AROUND_RECEIVED = around(JSON.stringify({ role: 'assistant', content: `${RECEIVED}{}` }));

function around(message: string): readonly [Buffer, Buffer] {
  const completion = JSON.stringify({
    ...{ id: ID, object: 'chat.completion', created: 0, model: 'guardrail-bridge' },
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    choices: [{ index: 0, finish_reason: 'stop', message: null }],
  });
  const [before = '', after = ''] = completion.replace('null', message).split('{}');
  return [Buffer.from(before), Buffer.from(after)];
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
