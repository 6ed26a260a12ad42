/** One turn of a session: a prompt that was refused, with what the client saw of it, or one that was answered or is the newest. */
export type Turn =
  | { readonly refused: string; readonly error?: string }
  | { readonly said: string; readonly answer?: string };

/** The call of an agent with all turns so far. */
export type Conversation = { path: string; body: Record<string, unknown>; headers: Record<string, string> };

type Agent = (session: string, turns: readonly Turn[]) => Conversation;

const wordsOf = (turn: Turn) => ('refused' in turn ? turn.refused : turn.said);
const answerOf = (turn: Turn) => ('refused' in turn ? undefined : turn.answer);

const text = (words: string) => ({ type: 'text', text: words });
const reminder = text('<system-reminder>\nThe todo list is empty.\n</system-reminder>');

/** The forms in which coding agents send a refused prompt again. */
export const agents: Record<string, Agent> = {
  /** A refused prompt has no reply, and messages of one role are merged: it becomes a block of the next message. */
  'Claude Code on /v1/messages'(session, turns) {
    const messages: { role: string; content: object[] }[] = [{ role: 'user', content: [reminder] }];
    for (const turn of turns) {
      if (messages.at(-1)?.role === 'assistant') messages.push({ role: 'user', content: [] });
      messages.at(-1)?.content.push(text(wordsOf(turn)));
      const answer = answerOf(turn);
      if (answer !== undefined) messages.push({ role: 'assistant', content: [text(answer)] });
    }
    return {
      path: '/v1/messages',
      body: {
        model: 'house-claude',
        max_tokens: 100,
        system: [{ ...text('You are a coding agent.'), cache_control: { type: 'ephemeral' } }],
        metadata: { user_id: JSON.stringify({ device_id: 'd', account_uuid: '', session_id: session }) },
        messages,
      },
      headers: {},
    };
  },
  /** Each prompt is an item of its own, behind those of the harness. */
  'Codex on /v1/responses'(session, turns) {
    const item = (role: string, words: string) => ({
      type: 'message',
      role,
      content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text: words }],
    });
    const input = turns.flatMap((turn) => {
      const answer = answerOf(turn);
      return [item('user', wordsOf(turn)), ...(answer === undefined ? [] : [item('assistant', answer)])];
    });
    return {
      path: '/v1/responses',
      body: {
        model: 'house-model',
        instructions: 'You are a coding agent.',
        store: false,
        prompt_cache_key: session,
        input: [
          item('developer', 'Ask before you write.'),
          item('user', '# AGENTS.md instructions\n\nUse tabs.'),
          item('user', '<environment_context>\n  <cwd>/home</cwd>\n</environment_context>'),
          ...input,
        ],
      },
      headers: {},
    };
  },
  /** A refused prompt has no reply, and the next stands behind it. */
  'opencode on chat': (session, turns) => ({
    ...chat(turns.flatMap((turn) => [user(wordsOf(turn)), ...assistant(answerOf(turn))])),
    headers: { 'x-litellm-session-id': session },
  }),
  /** The error is taken for the reply, and parts of the harness follow each prompt; it names no session. */
  'Cline on chat': (_session, turns) =>
    chat(
      turns.flatMap((turn) => [
        {
          role: 'user',
          content: [text(wordsOf(turn)), text('<environment_details>\nTime: noon\n</environment_details>')],
        },
        ...assistant('error' in turn ? turn.error : answerOf(turn)),
      ]),
    ),
};

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string | undefined) =>
  content === undefined ? [] : [{ role: 'assistant', content }];

function chat(messages: readonly object[]): Conversation {
  const system = { role: 'system', content: 'You are a coding agent.' };
  return {
    path: '/v1/chat/completions',
    body: { model: 'house-model', messages: [system, ...messages] },
    headers: {},
  };
}

/** A conversation whose tool returned something, and what the user says then, by endpoint. */
export const results: Record<string, (result: string, said?: string) => Conversation> = {
  '/v1/messages': (result, said) => ({
    path: '/v1/messages',
    body: {
      model: 'house-claude',
      max_tokens: 100,
      tools: [
        { name: 'read', description: 'Reads a file.', input_schema: { type: 'object', properties: {} } },
      ],
      messages: [
        { role: 'user', content: [reminder, text('Read my settings.')] },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'read', input: {} }] },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'toolu_1', content: [text(result)] },
            reminder,
            ...(said === undefined ? [] : [text(said)]),
          ],
        },
      ],
    },
    headers: {},
  }),
  '/v1/responses': (result, said) => ({
    path: '/v1/responses',
    body: {
      model: 'house-model',
      input: [
        user('Read my settings.'),
        { type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_1', output: result },
        ...(said === undefined ? [] : [user(said)]),
      ],
    },
    headers: {},
  }),
  '/v1/chat/completions': (result, said) =>
    chat([
      user('Read my settings.'),
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'read', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: result },
      ...(said === undefined ? [] : [user(said)]),
    ]),
};
