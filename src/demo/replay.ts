import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Reply } from '../litellm/reply.ts';
import { type AskDemo, DEMO_FOLDER, type Shown } from './demo-calls.ts';

const Recording = v.object({
  /** The release that was recorded. */
  litellm: v.string(),
  /** Guardrail calls of LiteLLM about each call of the demo, by its outcome, in its order. */
  asked: v.record(v.string(), v.array(v.looseObject({ input_type: v.string(), texts: v.array(v.string()) }))),
});

/** The calls that a real LiteLLM made to the bridge. */
export type DemoRecording = v.InferOutput<typeof Recording>;

export const RECORDING_FILE = join(DEMO_FOLDER, 'recording.json');

export function readRecording(): DemoRecording {
  return v.parse(Recording, JSON.parse(readFileSync(RECORDING_FILE, 'utf8')));
}

/** Status of a blocked call. */
const BLOCKED_STATUS = 400;

/**
 * Sends recorded guardrail calls to the bridge, and shows what LiteLLM makes of its replies: of those about a stream, in
 * `incremental_diff`, what extends the text already shown, less what is held back, in Python's characters.
 *
 * @see LiteLLM 1.110.2, `_build_transform_chunk` in unified_guardrail.py
 */
export function replayClient(
  recording: DemoRecording,
  bridge: { url: string; key: string },
  stop: AbortSignal,
): AskDemo {
  return async ({ outcome, isStreamed }, onPiece): Promise<Shown> => {
    const asked = recording.asked[outcome] ?? [];
    const rounds = asked.filter(({ input_type }) => input_type === 'response').length;
    let shown: readonly string[] = [];
    let round = 0;
    for (const body of asked) {
      const response = await fetch(`${bridge.url}/beta/litellm_basic_guardrail_api`, {
        method: 'POST',
        headers: { 'x-api-key': bridge.key, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: stop,
      });
      const reply = (await response.json()) as Reply;
      if (reply.action === 'BLOCKED')
        return { status: BLOCKED_STATUS, text: '', error: reply.blocked_reason };
      if (body.input_type === 'request') continue;
      round++;
      const text = 'texts' in reply ? reply.texts[0] : body.texts[0];
      const held = 'stream_holdback_chars' in reply ? (reply.stream_holdback_chars?.[0] ?? 0) : 0;
      const characters = Array.from(text ?? '');
      const end = characters.length - (isStreamed && round < rounds ? held : 0);
      if (end <= shown.length) continue;
      onPiece(characters.slice(shown.length, end).join(''));
      shown = characters.slice(0, end);
    }
    return { status: 200, text: shown.join('') };
  };
}
