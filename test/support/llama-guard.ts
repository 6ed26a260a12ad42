import { json, type Reply } from './fake-backend.ts';

/** A completion of a model that says so. */
export function llamaGuardSays(content: unknown, finish_reason = 'stop'): Reply {
  return json({
    ...{ id: 'chatcmpl-7', object: 'chat.completion', created: 1790000002, model: 'house-guard' },
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason }],
    usage: { prompt_tokens: 211, completion_tokens: 4, total_tokens: 215 },
  });
}
