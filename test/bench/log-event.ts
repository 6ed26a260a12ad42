import { readFileSync } from 'node:fs';
import { prose, SERIAL } from './body.ts';

const RECORDED = new URL('../fixtures/logs-1.106.2/chat.json', import.meta.url);

type Recorded = { log_posts: [{ body: string }] };
type Event = Record<string, unknown> & { response: { id: string; choices: [{ message: object }] } };

/**
 * Log events in a `json_array`, as LiteLLM 1.106.2 was recorded to send them after a call, each about `bytes` long: what
 * was said is made longer, and every {@link SERIAL} makes them events of other calls.
 */
export function logBody(bytes: number, rows = 1): string {
  const row = logEvent(bytes);
  return `[${Array.from({ length: rows }, (_, i) => (i === 0 ? row : row.replaceAll(SERIAL, `${SERIAL}-${i}`))).join()}]`;
}

function logEvent(bytes: number): string {
  const { log_posts } = JSON.parse(readFileSync(RECORDED, 'utf8')) as Recorded;
  const [event] = JSON.parse(log_posts[0].body) as [Event];
  event.id = event.response.id = `chatcmpl-${SERIAL}`;
  event.litellm_call_id = `6f0e3f0a-4b0d-4f3e-9c55-2f1d${SERIAL}`;
  event.trace_id = `b3c9b7a8-0c52-4b19-8f6d-0a2c${SERIAL}`;
  const build = (length: number): string => {
    event.messages = [
      { role: 'system', content: prose(length * 0.2, 1) },
      { role: 'user', content: prose(length * 0.5, 2) },
    ];
    event.response.choices[0].message = { role: 'assistant', content: prose(length * 0.3, 3) };
    // Python's JSON is ASCII
    return JSON.stringify(event).replace(
      /[^ -~]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  };
  const missing = Math.max(0, bytes - build(0).length);
  return build(Math.floor((missing * missing) / Math.max(1, build(missing).length - build(0).length)));
}
