import { CHAT_PATH, MCP_PATH } from '../../guardrail/akto-wire.ts';
import { fieldsOf, textOf } from '../../guardrail/call.ts';
import type { CallRecord, VerdictNote } from '../../guardrail/record.ts';
import { callIdOf, clientHeaders, clientSession, knownText, mcpCallOf, modelOf } from '../recorded-call.ts';
import { type Envelope, type EnvelopeOptions, envelope, identityTags } from './envelope.ts';
import { failureStatus, type Payloads, recordPayloads } from './record-payload.ts';

/** Limits of Akto's JSON reader, in characters: of one string, and of a whole body. */
export type Limits = { readonly string: number; readonly body: number };

/** Most characters of a list in a tag; the number of entries that are left follows. */
const MAX_LIST_LENGTH = 4000;
/** Most verdicts in a tag. A call has a handful; a call id that clients use again and again has any number. */
const MAX_VERDICTS = 20;

/** Makes the envelope of a whole call. A payload that Akto would not read is replaced by its size, the longer one first. */
export function recordEnvelope(record: CallRecord, options: EnvelopeOptions, limits: Limits): Envelope {
  let payloads = recordPayloads(record);
  const truncated: string[] = [];
  const sides = (['requestPayload', 'responsePayload'] as const).toSorted(
    (a, b) => (payloads[b]?.length ?? 0) - (payloads[a]?.length ?? 0),
  );
  const build = () => envelope(exchangeOf(record, payloads, truncated), options);
  let built: Envelope | undefined;
  for (const side of sides) {
    const original_length = payloads[side]?.length ?? 0;
    built ??= build();
    if (original_length <= limits.string && encodedLength(built, limits.body) <= limits.body) continue;
    truncated.push(side);
    payloads = { ...payloads, [side]: JSON.stringify({ truncated: true, original_length }) };
    built = undefined;
  }
  return built ?? build();
}

/** Characters of an envelope in a body; an upper bound where that is within the limit. */
function encodedLength(sent: Envelope, limit: number): number {
  // JSON text has no control characters, and encoding it again makes two of one at most
  const most = Object.values(sent).reduce((sum, value) => sum + 2 * (value?.length ?? 0), 1000);
  return most <= limit ? most : JSON.stringify(sent).length + 1;
}

/** True if a reader with these limits accepts an envelope. */
export function isWithin(sent: Envelope, { string, body }: Limits): boolean {
  return (
    Object.values(sent).every((value) => (value?.length ?? 0) <= string) && encodedLength(sent, body) <= body
  );
}

/** Packs envelopes, in their order, into as few bodies as accept them. */
export function bodiesOf(envelopes: readonly Envelope[], limit: number): Envelope[][] {
  const bodies: Envelope[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const sent of envelopes) {
    const added = encodedLength(sent, limit / envelopes.length);
    length += added;
    if (length > limit) {
      bodies.push([]);
      length = added;
    }
    bodies.at(-1)?.push(sent);
  }
  return bodies;
}

function exchangeOf(record: CallRecord, payloads: Payloads, truncated: readonly string[]) {
  const { event, outcome } = record;
  const metadata = fieldsOf(event.metadata);
  const ip = textOf(event.requester_ip_address) ?? textOf(metadata.requester_ip_address) ?? '';
  const route = textOf(metadata.user_api_key_request_route)?.trim() || CHAT_PATH;
  const status = { success: 200, failure: failureStatus(event), blocked: 403 };
  return {
    ...payloads,
    path: mcpCallOf(event) === undefined ? route : MCP_PATH,
    headers: clientHeaders(event),
    session: clientSession(event) ?? checkedTrace(record) ?? knownText(event.trace_id),
    messageId: callIdOf(record),
    ip: (ip.split(',')[0] as string).trim(),
    time: typeof event.startTime === 'number' ? Math.round(event.startTime * 1000) : Date.now(),
    status: status[outcome],
    tags: tagsOf(record, truncated),
  };
}

/** The trace of this call's checks: LiteLLM logs another one. */
function checkedTrace({ verdicts }: CallRecord): string | undefined {
  return verdicts.find((note) => note.litellm_trace_id)?.litellm_trace_id ?? undefined;
}

function tagsOf(record: CallRecord, truncated: readonly string[]): Record<string, string | undefined> {
  const { event, verdicts, block } = record;
  const mcp = mcpCallOf(event);
  return {
    ...(mcp === undefined && { 'gen-ai': 'Gen AI' }),
    litellm: 'LiteLLM',
    call_type: mcp === undefined ? textOf(event.call_type) : 'tool_call',
    model: modelOf(event),
    litellm_call_id: callIdOf(record),
    ...identityTags(fieldsOf(event.metadata)),
    ...(mcp && {
      'mcp-server': 'MCP Server',
      'mcp-client': 'litellm',
      mcp_server_name: mcp.server,
      tool_name: mcp.tool,
    }),
    record_id: record.record_id,
    outcome: record.outcome,
    ref: block?.ref,
    guardrail: verdicts.length > 0 ? JSON.stringify(verdicts.slice(-MAX_VERDICTS).map(compact)) : undefined,
    erased: listed(record.erased),
    masked: listed(record.masked),
    truncated: truncated.length > 0 ? truncated.join() : undefined,
  };
}

function compact({ input_type, action, by, removed, ms, calls, checks }: VerdictNote) {
  return {
    input_type,
    action,
    ...(by !== null && { by }),
    ...(removed !== undefined && { removed }),
    ms,
    ...(calls !== undefined && { calls }),
    checks,
  };
}

function listed(entries: readonly string[]): string | undefined {
  const shown: string[] = [];
  let room = MAX_LIST_LENGTH;
  for (const entry of entries) {
    room -= entry.length;
    if (room < 0) break;
    shown.push(entry);
  }
  const left = entries.length - shown.length;
  return entries.length > 0 ? JSON.stringify(left > 0 ? [...shown, `+${left} more`] : shown) : undefined;
}
