import { type GuardrailCall, headerOf } from '../guardrail/call.ts';
import type { CheckResult, Decision } from '../guardrail/decision.ts';
import { type CheckNote, MAX_ID_CHARS } from '../guardrail/record.ts';
import { checkNoteOf } from '../records/record-decision.ts';
import { TRACEPARENT_CHARS, TRACESTATE_CHARS } from './trace-parent.ts';

/** First letters of lines, by what they tell. */
export const LINE_TAGS = { call: 'C', check: 'K', log: 'L' } as const;

/** A check that nobody waited for. */
export type LateCheck = {
  readonly at: number;
  readonly input_type: GuardrailCall['input_type'];
  readonly litellm_call_id: string | null;
  readonly litellm_trace_id: string | null;
  readonly check: CheckNote;
};

/** Makes lines of calls, from which their spans are made elsewhere: what it costs here is for the most part the row of the decision, which others need too. */
export class CallLines {
  readonly #add: (line: string) => void;

  constructor(add: (line: string) => void) {
    this.#add = add;
  }

  /**
   * A decision was made.
   *
   * @param packed its row
   * @param sent `traceparent` of the HTTP request by which the call came
   */
  decided(packed: string, decision: Decision, sent: string | undefined): void {
    const { call, startedAt, policies, checks } = decision;
    const now = performance.now();
    let times = `${micros(now - startedAt)}`;
    times +=
      policies === undefined ? ' 0 0' : ` ${micros(policies.startedAt - startedAt)} ${micros(policies.ms)}`;
    for (const check of checks) times += ` ${micros((check.startedAt ?? startedAt) - startedAt)}`;
    this.#add(`${LINE_TAGS.call}${packed}\t${times}\t${parentText(call, sent)}`);
  }

  /** A call was blocked that could not be read. @param packed its row */
  unread(packed: string): void {
    this.#add(`${LINE_TAGS.call}${packed}\t0 0 0\t\t\t`);
  }

  /** A check has ended that nobody waited for. */
  checked(call: GuardrailCall, result: CheckResult): void {
    const { input_type, litellm_call_id, litellm_trace_id } = call;
    const late: LateCheck = {
      ...{ at: Date.now(), input_type },
      litellm_call_id: litellm_call_id?.slice(0, MAX_ID_CHARS) ?? null,
      litellm_trace_id: litellm_trace_id?.slice(0, MAX_ID_CHARS) ?? null,
      check: checkNoteOf(result),
    };
    this.#add(`${LINE_TAGS.check}${JSON.stringify(late)}\t${parentText(call, undefined)}`);
  }
}

const micros = (ms: number) => Math.round(ms * 1000);

/** `traceparent` and `tracestate` of the client, and `traceparent` of LiteLLM itself: as they were sent, and checked where they are used. */
function parentText(call: GuardrailCall, sent: string | undefined): string {
  const own = sent?.length === TRACEPARENT_CHARS ? sent : '';
  const client = headerOf(call, 'traceparent');
  if (client?.length !== TRACEPARENT_CHARS) return own === '' ? '\t\t' : `\t\t${withoutBreaks(own)}`;
  const state = headerOf(call, 'tracestate') ?? '';
  const kept = state.length <= TRACESTATE_CHARS ? state : '';
  return `${withoutBreaks(client)}\t${withoutBreaks(kept)}\t${withoutBreaks(own)}`;
}

/** Neither header may have one. */
const withoutBreaks = (text: string) => (/^[\x20-\x7e]*$/.test(text) ? text : '');

/** The parts of a line after its first letter. */
export function partsOf(line: string): readonly [told: string, times: string, ...parents: readonly string[]] {
  const [told = '', ...rest] = line.slice(1).split('\t');
  if (line[0] === LINE_TAGS.call) return [told, rest[0] ?? '', ...rest.slice(1)];
  return [told, '', ...rest];
}
