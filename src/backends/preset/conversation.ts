import { fieldsOf, type GuardrailCall, type Passage, type PassagePath } from '../../guardrail/call.ts';

/** A passage in the content of a message, and where it begins there. */
export type MessagePart = { readonly passage: Passage; readonly start: number };

/** A message with its content as one text, its passages on lines of their own. */
export type FlatMessage = {
  readonly role: string;
  readonly content: string;
  /** Empty for a message of the request of a response, which nothing can change any more. */
  readonly parts: readonly MessagePart[];
};

/** The messages of a call; of a response those of its request and then its own. */
export function conversationOf(call: GuardrailCall, request: () => GuardrailCall | undefined): FlatMessage[] {
  if (call.input_type === 'request') return messagesOf(call);
  const asked = request();
  const before = asked === undefined ? [] : messagesOf(asked).map((message) => ({ ...message, parts: [] }));
  return [...before, ...messagesOf(call)];
}

/** System messages, and all from the last message of a user on. */
export function newestTurn(messages: readonly FlatMessage[]): FlatMessage[] {
  const start = messages.findLastIndex(({ role }) => role === 'user');
  return messages.filter(({ role }, index) => index >= start || role === 'system' || role === 'developer');
}

/** The last words of the user. */
export function newestUserText(call: GuardrailCall | undefined): string | undefined {
  return call && messagesOf(call).findLast(({ role }) => role === 'user')?.content;
}

function messagesOf({ structured_messages, passages, input_type }: GuardrailCall): FlatMessage[] {
  const groups = new Map<number, { role: string; passages: Passage[] }>();
  const others = new Map<string, Passage[]>();
  for (const passage of passages.all) {
    if (passage.isKey || passage.text === '') continue;
    if (passage.place === 'structure' || passage.place === 'tool' || passage.place === 'nested') continue;
    const index = messageIndex(passage.messagePath ?? passage.path);
    if (index === undefined) {
      const role = passage.place === 'tool_call' ? 'assistant' : ROLES[passage.author];
      const same = others.get(role);
      if (same === undefined) others.set(role, [passage]);
      else same.push(passage);
      continue;
    }
    const group = groups.get(index);
    if (group !== undefined) group.passages.push(passage);
    else groups.set(index, { role: roleOf(structured_messages[index], input_type), passages: [passage] });
  }
  const inOrder = [...groups].sort(([a], [b]) => a - b).map(([, { role, passages }]) => flat(role, passages));
  return [...inOrder, ...[...others].map(([role, passages]) => flat(role, passages))];
}

const ROLES = { user: 'user', operator: 'system', model: 'assistant', tool: 'tool' } as const;

function roleOf(message: unknown, input: GuardrailCall['input_type']): string {
  const { role } = fieldsOf(message);
  return typeof role === 'string' && role !== '' ? role : input === 'request' ? 'user' : 'assistant';
}

function flat(role: string, passages: readonly Passage[]): FlatMessage {
  const [only] = passages;
  if (passages.length === 1 && only !== undefined)
    return { role, content: only.text, parts: [{ passage: only, start: 0 }] };
  const parts: MessagePart[] = [];
  let content = '';
  for (const passage of passages) {
    if (parts.length > 0) content += '\n';
    parts.push({ passage, start: content.length });
    content += passage.text;
  }
  return { role, content, parts };
}

/** The index of the message that a path leads into. */
function messageIndex(path: PassagePath): number | undefined {
  let at = path;
  while (at.parent?.parent !== undefined) at = at.parent;
  return at.parent?.key === 'structured_messages' && typeof at.key === 'number' ? at.key : undefined;
}
