import { type Fields, fieldsOf, type InputType, textOf } from '../../guardrail/call.ts';
import { BackendError, type Failure } from '../../guardrail/failure.ts';
import { ALLOW, type Verdict } from '../../guardrail/verdict.ts';

export type VerdictOptions = {
  /** Which side of a call was judged. */
  readonly side: InputType;
  /** Behaviours of a violation that block. */
  readonly blocking: ReadonlySet<string>;
  /** New texts by the payload that Akto redacted; null if they cannot be mapped back. */
  readonly redaction: (modifiedPayload: unknown) => (Verdict & { kind: 'modify' })['texts'];
};

/**
 * The `guardrailsResult` of a reply; undefined if there is none. Read by hand: a schema costs as much as the rest of the reading.
 *
 * @throws BackendError `wrong_shape`
 */
export function resultIn(reply: unknown): unknown {
  if (typeof reply !== 'object' || reply === null) throw wrongShape('body');
  const { data } = reply as Fields;
  if (data === undefined || data === null) return undefined;
  if (typeof data !== 'object') throw wrongShape('data');
  const { guardrailsResult } = data as Fields;
  if (typeof guardrailsResult !== 'object' && guardrailsResult !== undefined) {
    throw wrongShape('data.guardrailsResult');
  }
  return guardrailsResult;
}

function wrongShape(field: string): BackendError {
  return new BackendError({ kind: 'wrong_shape', field });
}

/** Reads the verdict in a `guardrailsResult`, which can hold one for each side of a call beside the outer one. */
export function verdictOf(
  result: unknown,
  { side, blocking, redaction }: VerdictOptions,
): { verdict: Verdict } | { failure: Failure } {
  if (result === null || result === undefined) return { failure: { kind: 'no_verdict' } };
  const outer = judgementIn(result);
  const request = judgementIn(outer.requestresult);
  const response = judgementIn(outer.responseresult);
  const inner = [request, response].filter(({ allowed }) => allowed === false);
  const denials = inner.length > 0 ? inner : outer.allowed === false ? [outer] : [];
  const blocks = denials.find((denial) => blocking.has(behaviourOf(denial)));
  if (blocks !== undefined) {
    const reason = textOf(blocks.reason) ?? textOf(outer.reason) ?? 'Blocked by Akto Guardrails';
    return { verdict: { kind: 'block', reason } };
  }
  if (typeof outer.allowed !== 'boolean') {
    return { failure: { kind: 'wrong_shape', field: 'data.guardrailsResult.Allowed' } };
  }
  if ([outer, request, response].some(({ failopen }) => failopen === true)) {
    return { failure: { kind: 'no_verdict' } };
  }
  const { modified, modifiedpayload } = redactedIn(side, outer, side === 'request' ? request : response);
  // Without `Modified` a payload in the reply is an echo, or an extract of the one that was sent
  if (modified === true) return { verdict: { kind: 'modify', texts: redaction(modifiedpayload) } };
  const [denial] = denials;
  return { verdict: denial === undefined ? ALLOW : { kind: 'allow', flagged: behaviourOf(denial) } };
}

/** The judgement that tells of a redaction. Outer fields repeat those of the request. */
function redactedIn(side: InputType, outer: Judgement, inner: Judgement): Judgement {
  const isTold = side === 'response' ? inner.modified !== undefined : inner.modified === true;
  return isTold ? inner : outer;
}

function behaviourOf({ behaviour }: Judgement): string {
  return (textOf(behaviour) ?? '').trim().toLowerCase();
}

const UNSET = {
  allowed: undefined,
  modified: undefined,
  modifiedpayload: undefined,
  reason: undefined,
  behaviour: undefined,
  failopen: undefined,
  requestresult: undefined,
  responseresult: undefined,
};
type Judgement = { [Name in keyof typeof UNSET]: unknown };

/** Reads the known fields, without regard to case: Akto's clients and its README do not agree on it. */
function judgementIn(value: unknown): Judgement {
  const judgement: Judgement = { ...UNSET };
  const fields = fieldsOf(value);
  for (const key in fields) {
    const name = key.toLowerCase();
    if (Object.hasOwn(UNSET, name)) judgement[name as keyof Judgement] = fields[key];
  }
  return judgement;
}
