import { AKTO_DONE } from '../guardrail/akto-wire.ts';
import { fieldsOf } from '../guardrail/json.ts';
import type { AktoCheck } from './akto-call.ts';

/** The verdict in a reply, under Akto's names. */
export type AktoResult = {
  readonly Allowed: boolean;
  readonly Reason: string;
  readonly Modified: boolean;
  readonly ModifiedPayload: string;
  readonly Behaviour: '' | 'block';
};

const ALLOWED: AktoResult = {
  Allowed: true,
  Reason: '',
  Modified: false,
  ModifiedPayload: '',
  Behaviour: '',
};

/** @see LiteLLM 1.110.2, `AktoVerdict` in guardrail_hooks/akto/akto.py: anything but a status of 200 is an outage for it */
export const aktoReply = {
  allow: (): string => replyWith(ALLOWED),
  block: (Reason: string, details = {}): string =>
    replyWith({ ...ALLOWED, Allowed: false, Reason, Behaviour: 'block' }, details),
  modify: (ModifiedPayload: string): string => replyWith({ ...ALLOWED, Modified: true, ModifiedPayload }),
  /** Something was recorded, and nothing judged. */
  recorded: (): string => replyWith(undefined),
};

/** Puts replies about the sides of one envelope into one, in the order in which they were judged. */
export function mergedReply(replies: readonly (readonly [AktoCheck, string])[]): string {
  const [first] = replies;
  const sides = replies.map(([side, reply]) => [`${side}Result`, verdictIn(reply)] as const);
  return first === undefined
    ? aktoReply.recorded()
    : replyWith({ ...verdictIn(first[1]), ...Object.fromEntries(sides) });
}

/** The verdict in one of our replies. */
export function verdictIn(reply: string): AktoResult {
  return fieldsOf(fieldsOf(JSON.parse(reply)).data).guardrailsResult as AktoResult;
}

function replyWith(guardrailsResult: AktoResult | undefined, details = {}): string {
  const done = { success: true, message: AKTO_DONE };
  return JSON.stringify({ ...done, data: { ...done, guardrailsResult }, ...details });
}
