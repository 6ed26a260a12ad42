/**
 * A streamed response as LiteLLM emits it in `streaming_transform_mode: incremental_diff`: what extends the text already
 * shown, less what is held back, in Python's characters. The last round emits the rest in the chunk with the finish reason.
 *
 * @see LiteLLM 1.110.2, `_build_transform_chunk` in unified_guardrail.py
 */
export function incrementalDiff() {
  let shown: readonly string[] = [];
  let atFinish: string | undefined;
  return {
    /** The text that the client has seen so far. */
    shown: () => shown.join(''),
    /** The text in the chunk with the finish reason; undefined before it. */
    atFinish: () => atFinish,
    /** One round. Throws where LiteLLM would end the stream with `stream_transform_underflow`. */
    round(text: string, holdback: number, isFinal: boolean): void {
      const characters = Array.from(text);
      if (shown.some((character, i) => characters[i] !== character)) {
        throw new Error('stream_transform_underflow');
      }
      const end = Math.max(shown.length, characters.length - (isFinal ? 0 : holdback));
      if (isFinal) atFinish = characters.slice(shown.length).join('');
      shown = characters.slice(0, end);
    },
  };
}

/** Numbers that are the same in each run. */
export function seeded(seed: number) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x1_0000_0000;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { next, below, of: <T>(list: readonly T[]): T => list[below(list.length)] as T };
}
