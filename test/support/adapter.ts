import * as v from 'valibot';
import type { Backend } from '../../src/backends/backend.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { BackendError } from '../../src/guardrail/failure.ts';
import type { Verdict } from '../../src/guardrail/verdict.ts';
import { newTextsOf } from '../../src/pipeline/new-texts.ts';
import { deadlineOf, fakeBackend, openHttp } from './closing.ts';
import type { Reply } from './fake-backend.ts';

export type AdapterOptions = {
  /** Own keys of the entry in the policy file. */
  readonly options?: Record<string, unknown>;
  readonly secret?: string;
  /** Follows the address of the vendor. */
  readonly path?: string;
};

/** A configured backend beside the server of its vendor, without a bridge. */
export async function adapter(
  definition: Backend,
  reply: Reply,
  { options = {}, secret, path = '' }: AdapterOptions = {},
) {
  const vendor = await fakeBackend(reply);
  const config = setUp(definition, options, { url: vendor.url + path, secret });
  const http = openHttp();
  const state = definition.open?.(config, http);
  /** Asks about a call, a response with its request if there is one. */
  const ask = async (call: GuardrailCall, request?: GuardrailCall): Promise<Verdict> => {
    const texts = newTextsOf(call);
    const deadline = deadlineOf();
    return definition.check(call, { config, state, http, deadline, texts, request: () => request });
  };
  /** The failure of a check. */
  const failure = (call: GuardrailCall) =>
    ask(call).then(
      (verdict) => {
        throw new Error(`it is a verdict: ${verdict.kind}`);
      },
      (error: unknown) => {
        if (error instanceof BackendError) return error.failure;
        throw error;
      },
    );
  /** The body of the newest request. */
  const sent = () => vendor.seen.at(-1)?.body as Record<string, unknown>;
  return { vendor, ask, failure, sent };
}

/** The configuration that a definition makes of an entry. @throws SetupError, ValiError */
export function setUp(
  definition: Backend,
  options: Record<string, unknown>,
  { url = 'http://vendor.example', secret }: { url?: string; secret?: string | undefined } = {},
): unknown {
  return definition.setup({
    ...{ url, secret, tokenUrl: undefined },
    options: v.parse(v.strictObject(definition.options), options),
    variable: () => undefined,
    readFile: () => '',
  });
}

/** Texts that a redaction leaves, by those that stood there. */
export function redacted(verdict: Verdict): Record<string, string> {
  if (verdict.kind !== 'modify' || verdict.texts === null) throw new Error('nothing is redacted');
  return Object.fromEntries([...verdict.texts].map(([passage, text]) => [passage.text, text]));
}
