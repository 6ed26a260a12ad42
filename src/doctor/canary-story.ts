import type { CanarySight } from '../calls/canaries.ts';
import { oneLine } from '../guardrail/one-line.ts';
import type { CanaryReply } from '../http/canary.ts';
import type { CanaryKind, CanaryReturn } from './proxy-client.ts';

/** A call of the doctor: what came back from LiteLLM, and what the bridge saw of it. */
export type CanaryResult = CanaryReturn & {
  readonly kind: CanaryKind;
  readonly seen: readonly CanarySight[];
};

/** Most characters of an error that LiteLLM tells. */
export const MAX_ERROR_CHARS = 200;

/** The steps of a call of the doctor. */
export function storyOf({ seen, error, hasText, status }: CanaryResult) {
  const judged = seen.flatMap((sight) => (sight.kind === 'judged' ? [sight] : []));
  return {
    request: judged.filter(({ input_type }) => input_type === 'request'),
    response: judged.filter(({ input_type }) => input_type === 'response'),
    isLogged: seen.some(({ kind }) => kind === 'logged'),
    isBlocked: judged.some(({ action }) => action === 'BLOCKED'),
    /** It came back with a response of the model. */
    isAnswered: status === 200 && error === undefined && hasText,
  };
}

/** The release that guardrail calls told; null if none did. */
export function releaseTold(results: readonly CanaryResult[]): string | null {
  const judged = results.flatMap((result) => {
    const { request, response } = storyOf(result);
    return [...request, ...response];
  });
  return judged.find(({ litellm_version }) => litellm_version !== null)?.litellm_version ?? null;
}

/** The return of a call for people. */
export function returnText({ status, error, hasText }: CanaryReturn): string {
  if (status === undefined) return `no reply (${error ?? 'unknown'})`;
  if (error !== undefined) return `HTTP ${status}: ${oneLine(error, MAX_ERROR_CHARS)}`;
  return hasText ? 'answered' : 'the model said nothing';
}

/** The steps for people, and if all are there. An endpoint that this model does not have is no fault, nor an event that nobody needs. */
export function storyLine(
  result: CanaryResult,
  {
    reads_events: readsEvents,
    takes_records: takesRecords,
  }: Pick<CanaryReply, 'reads_events' | 'takes_records'>,
): { ok: boolean; text: string } {
  const { request, response, isLogged, isBlocked, isAnswered } = storyOf(result);
  const steps = [
    request.length > 0 ? 'request judged' : 'request not judged',
    ...(isBlocked ? ['blocked'] : []),
    ...(isAnswered
      ? [response.length > 0 ? 'response judged' : 'response not judged']
      : [returnText(result)]),
    ...(isLogged ? ['logged'] : readsEvents && isAnswered ? ['no log event'] : []),
  ];
  const isWhole = request.length > 0 && response.length > 0 && (isLogged || !takesRecords);
  // The model was asked, and has no such endpoint
  const isOther = result.kind.startsWith('/') && request.length > 0 && !isBlocked;
  return { ok: isAnswered ? isWhole : isOther, text: steps.join(', ') };
}
