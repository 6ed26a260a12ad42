import { type GuardrailCall, textOf } from '../../guardrail/call.ts';
import { mcpToolOf } from '../../guardrail/mcp-tool.ts';
import { imageAddressesOf } from '../media.ts';
import { conversationOf, type FlatMessage, newestTurn, newestUserText } from './conversation.ts';
import type { Portion } from './portions.ts';
import type { ReadValue } from './template.ts';

/** One request to a vendor: the call, and what of it this request is about. */
export class VendorRequest {
  readonly call: GuardrailCall;
  readonly request: () => GuardrailCall | undefined;
  /** Undefined where the vendor judges the conversation as a whole. */
  readonly portion: Portion | undefined;
  /** Roles that the vendor knows; undefined for all. */
  readonly #roles: readonly string[] | undefined;
  #conversation: readonly FlatMessage[] | undefined;

  constructor(
    call: GuardrailCall,
    request: () => GuardrailCall | undefined,
    portion: Portion | undefined,
    roles?: readonly string[],
  ) {
    this.call = call;
    this.request = request;
    this.portion = portion;
    this.#roles = roles;
  }

  get conversation(): readonly FlatMessage[] {
    this.#conversation ??= conversationOf(this.call, this.request);
    return this.#conversation;
  }

  /** Messages as they are sent. */
  sent(messages: readonly FlatMessage[]): readonly { role: string; content: string }[] {
    const roles = this.#roles;
    if (roles === undefined) return messages.map(({ role, content }) => ({ role, content }));
    const known = (role: string) =>
      roles.includes(role) ? role : role === 'developer' && roles.includes('system') ? 'system' : 'user';
    return messages.map(({ role, content }) => ({ role: known(role), content }));
  }
}

/** A client chooses some of them, and must not have the vendor refuse a call for their length. */
const MAX_NAME_CHARS = 100;

function name(value: unknown): string | undefined {
  // Half of a character makes servers in Python fail
  return textOf(value)?.slice(0, MAX_NAME_CHARS).toWellFormed();
}

const isRequest = ({ call }: VendorRequest) => call.input_type === 'request';
const identity = (field: string) => (asked: VendorRequest) =>
  name(asked.call.request_data[`user_api_key_${field}`]);
const texts = ({ portion, call }: VendorRequest): readonly string[] =>
  portion === undefined ? call.texts : portion.texts.map(({ text }) => text);
const tool = (asked: VendorRequest) => mcpToolOf(asked.call);

/** The values that a body or a header can ask for, by the names of their placeholders. */
export const CALL_VALUES: Readonly<Record<string, ReadValue<VendorRequest>>> = {
  text: (asked) => {
    if (asked.portion !== undefined) {
      const [first, ...others] = asked.portion.texts;
      return others.length === 0 ? first?.text : texts(asked).join('\n');
    }
    return isRequest(asked)
      ? (newestUserText(asked.call) ?? texts(asked).join('\n'))
      : (asked.conversation.at(-1)?.content ?? '');
  },
  texts,
  documents: ({ portion }) => portion?.documents.map(({ text }) => text) ?? [],
  images: ({ portion, call }) => portion?.images ?? imageAddressesOf(call).filter((one) => one !== undefined),
  messages: (asked) => asked.sent(asked.conversation),
  turn: (asked) => asked.sent(newestTurn(asked.conversation)),
  question: (asked) => (isRequest(asked) ? undefined : newestUserText(asked.request())),
  role: (asked) => (isRequest(asked) ? 'user' : 'assistant'),
  direction: ({ call }) => call.input_type,
  id: ({ call }) => name(call.litellm_call_id),
  trace: ({ call }) => name(call.litellm_trace_id),
  model: ({ call }) => name(call.model),
  user: (asked) => identity('user_id')(asked) ?? identity('end_user_id')(asked),
  end_user: identity('end_user_id'),
  email: identity('user_email'),
  team: (asked) => identity('team_alias')(asked) ?? identity('team_id')(asked),
  key_alias: identity('alias'),
  app: (asked) => identity('alias')(asked) ?? identity('team_alias')(asked),
  'tool.name': (asked) => tool(asked)?.name,
  'tool.arguments': (asked) => ({ texts: tool(asked)?.texts ?? [] }),
  'tool.arguments_text': (asked) => JSON.stringify({ texts: tool(asked)?.texts ?? [] }),
  guardrail_request: ({ call: { passages: _, shape: __, ...fields } }) => ({
    ...fields,
    // One more for a bridge that this one may lead to
    guardrail_bridge_hops: [...fields.guardrail_bridge_hops, 'preset'],
  }),
};
