import { clientHeaders, mcpCallOf } from '../backends/recorded-call.ts';
import { type Fields, fieldsOf, textOf } from '../guardrail/call.ts';
import { Caller, CREDENTIAL_HEADER } from '../guardrail/caller.ts';
import { type Receivers, type RecordMatcher, type RecordRule, receiversBy } from '../policies/receivers.ts';
import { matcherOf, type RuleSubject } from '../policies/rule-matcher.ts';

/** Decides by the caller rules to which backends a record goes. */
export class RecordRules {
  readonly #matchers: readonly RecordMatcher[];

  constructor(rules: readonly RecordRule[]) {
    this.#matchers = rules.map(({ match, records }) => ({ matches: matcherOf(match), records }));
  }

  /** True if some records do not go to everybody: whose it is has to be known before anything is kept. */
  get areAny(): boolean {
    return this.#matchers.length > 0;
  }

  /** The receivers of the record that a log event is about. The event is not redacted yet. */
  receivers(event: Fields): Receivers {
    return this.areAny ? receiversBy(this.#matchers, subjectOf(event)) : undefined;
  }
}

/** Who and what an event is about, as far as it tells. */
function subjectOf(event: Fields): RuleSubject {
  const metadata = fieldsOf(event.metadata);
  const endUser = textOf(metadata.user_api_key_end_user_id) ?? textOf(event.end_user);
  const identity = { ...metadata, user_api_key_end_user_id: endUser };
  const headers = clientHeaders(event);
  const caller = new Caller({ request_data: identity, request_headers: headers }, headersToldBy(event));
  const group = textOf(event.model_group);
  return {
    caller,
    model: group ?? textOf(event.model) ?? null,
    // The call of a tool asks no model
    isModelTold: group !== undefined || mcpCallOf(event) !== undefined,
    inputType: undefined,
  };
}

/**
 * Tells if an event would have a header that was sent. LiteLLM logs all headers but for credentials, or of some endpoints those
 * that begin with `x-`, or none.
 */
function headersToldBy({ metadata, request_headers }: Fields): (name: string) => boolean {
  const { requester_metadata, requester_custom_headers } = fieldsOf(metadata);
  const hasAll = [fieldsOf(requester_metadata).headers, request_headers].some(
    (headers) => Object.keys(fieldsOf(headers)).length > 0,
  );
  const hasOwn = typeof requester_custom_headers === 'object' && requester_custom_headers !== null;
  return (name) => !CREDENTIAL_HEADER.test(name) && (hasAll || (hasOwn && /^x-/i.test(name)));
}
