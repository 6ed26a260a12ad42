import type { BlockCause } from '../pipeline/decision.ts';

const SENTENCES: Record<BlockCause | 'refused', string> = {
  verdict: 'Blocked by security policy.',
  redaction: 'Blocked by security policy.',
  fail_closed: 'Not allowed: the security check could not be completed.',
  refused: 'Not allowed: the security check cannot be made for a call of this size.',
};

/** What `{backend}` and `{reason}` stand for in an operator's template. */
export type Blocked = {
  cause: BlockCause | 'refused';
  backend: string;
  reason: string;
  ref: string;
  /** The words of the policy that blocked, in place of ours. */
  message?: string | undefined;
};

/**
 * The `blocked_reason`: it reaches end users, spend logs, traces and alerts, so it is a sentence about policy and a
 * reference that finds the decision in the log, and nothing else unless the operator asks for it.
 *
 * @param template `BLOCKED_MESSAGE`, with `{backend}`, `{reason}` and `{ref}`
 */
export function blockedMessage(
  template: string | undefined,
  { cause, backend, reason, ref, message }: Blocked,
): string {
  const sentence = `${message?.trim() || SENTENCES[cause]} Reference: ${ref}`;
  if (template === undefined) return sentence;
  const values: Record<string, string> = { backend, reason: reason.slice(0, 1000), ref };
  return template.replace(/\{(backend|reason|ref)\}/g, (_, name: string) => values[name] ?? '') || sentence;
}
