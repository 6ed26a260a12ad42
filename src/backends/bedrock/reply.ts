import * as v from 'valibot';
import { fieldsOf, textOf } from '../../guardrail/call.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { ALLOW, type Verdict } from '../../guardrail/verdict.ts';
import type { Piece } from '../pieces.ts';

const assessments = v.array(v.record(v.string(), v.unknown()));
const outputs = v.nullish(v.array(v.object({ text: v.string() })), []);
const Reply = v.variant('action', [
  // Without them it is the reply of another API
  v.object({ action: v.literal('NONE'), outputs, assessments: v.nullable(assessments, []) }),
  v.object({
    action: v.literal('GUARDRAIL_INTERVENED'),
    ...{ outputs, assessments: v.nullish(assessments, []) },
  }),
]);

/** A reply to `ApplyGuardrail`. */
export type BedrockReply = v.InferOutput<typeof Reply>;

/** A reply that refuses the size of a request. */
export type TooLarge = { readonly tooLargeUnder: number };

/** Reads a reply of 200. @throws BackendError `no_verdict` for an exception that is told under it */
export function readReply(body: unknown): BedrockReply {
  const { __type } = fieldsOf(fieldsOf(body).Output);
  if (textOf(__type)?.includes('Exception')) throw new BackendError({ kind: 'no_verdict' });
  return v.parse(Reply, body);
}

/** Text that is too long has the status of a call too many, and its class: only the message tells. */
const TOO_LARGE = /text unit|maximum input size|content size|too long|too large|exceeds the maximum/i;

/** Tells a request that is too large from one that came too soon. */
export function readTooLarge(status: number, body: unknown): TooLarge | undefined {
  if (status !== 400 && status !== 429) return undefined;
  const { message, error } = fieldsOf(body);
  const said = textOf(message) ?? textOf(fieldsOf(error).message) ?? '';
  return TOO_LARGE.test(said) ? { tooLargeUnder: status } : undefined;
}

/**
 * The verdict of one reply. What it masks of the pieces that were asked about is kept in them, and is an allow.
 *
 * A block says why with the guardrail's own refusal. What was found stands in `match`, which is not read.
 */
export function verdictOnPieces(
  { action, outputs, assessments }: BedrockReply,
  pieces: readonly Piece[],
): Verdict {
  if (action === 'NONE') return ALLOW;
  const findings = assessments.flatMap(findingsIn);
  const categories = [...new Set(findings.filter(({ does }) => does === 'blocked').map(({ name }) => name))];
  // The text in a reply that masks nothing, such as one of a policy without actions, is the guardrail's refusal
  if (categories.length > 0 || (findings.length > 0 && !findings.some(({ does }) => does === 'anonymized'))) {
    return { kind: 'block', reason: outputs[0]?.text || 'blocked by the Bedrock guardrail', categories };
  }
  // Masked over all texts together, so that nobody can tell which part is whose, or in an image, or nowhere at all
  const isMasked = outputs.some(({ text }, i) => text !== pieces[i]?.text);
  if (!isMasked || outputs.length !== pieces.length)
    return { kind: 'block', reason: 'masked by the Bedrock guardrail' };
  for (const [i, { text }] of outputs.entries()) (pieces[i] as Piece).result = text;
  return ALLOW;
}

/** Findings by topics, filters, entities and expressions, or the list that a word is on; and what the guardrail does about it. */
type Finding = { readonly name: string; readonly does: string | undefined };

function findingsIn(assessment: Readonly<Record<string, unknown>>): readonly Finding[] {
  const lists = Object.values(assessment).flatMap((policy) => Object.entries(fieldsOf(policy)));
  return lists.flatMap(([list, items]) =>
    (Array.isArray(items) ? items : []).map(fieldsOf).map(({ name, type, action }) => ({
      name: textOf(name) || textOf(type) || list,
      does: textOf(action)?.toLowerCase(),
    })),
  );
}
