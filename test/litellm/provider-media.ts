/** Replies of the fake provider on the routes beside those of text: by path, with this text where they have one. */
export function otherReply(path: string, text: string, body: Record<string, unknown>): unknown {
  const route = path.replace(/^\/v\d(?:beta)?/, '');
  if (/:generateContent$/.test(route)) return geminiReply(text);
  if (/:countTokens$/.test(route)) return { totalTokens: 7 };
  if (/^\/images\//.test(route))
    return { created: 1_780_000_000, data: [{ b64_json: 'aW52ZW50ZWQ=', revised_prompt: text }] };
  switch (route) {
    case '/rerank':
      return {
        id: 'rerank-invented',
        results: [{ index: 0, relevance_score: 0.5, document: { text } }],
        meta: { api_version: { version: '1' }, billed_units: { search_units: 1 } },
      };
    case '/audio/transcriptions':
      return { text };
    case '/moderations':
      return {
        id: 'modr-invented',
        model: 'house-moderation',
        results: [{ flagged: false, categories: {}, category_scores: {}, category_applied_input_types: {} }],
      };
    case '/messages/count_tokens':
      return { input_tokens: 7 };
    case '/files':
      return {
        id: 'file-invented',
        object: 'file',
        bytes: 1,
        created_at: 1_780_000_000,
        filename: 'batch.jsonl',
        purpose: 'batch',
        status: 'processed',
      };
    case '/videos':
      return {
        id: 'video_invented',
        object: 'video',
        status: 'queued',
        model: 'house-video',
        created_at: 1_780_000_000,
        progress: 0,
        seconds: '4',
        size: '720x1280',
      };
    case '/agent':
      return {
        jsonrpc: '2.0',
        id: body.id,
        result: { kind: 'message', messageId: 'm-invented', role: 'agent', parts: [{ kind: 'text', text }] },
      };
    case '/ocr':
      return {
        pages: [{ index: 0, markdown: text, images: [], dimensions: { dpi: 72, height: 1, width: 1 } }],
        model: 'mistral-ocr',
        usage_info: { pages_processed: 1, doc_size_bytes: 1 },
      };
    case '/vector_stores/vs_1/search':
      return { object: 'vector_store.search_results.page', search_query: ['a'], data: [] };
    case '/pass':
      return { said: text };
    default:
      return undefined;
  }
}

/** One answer of Gemini's own form, whole or a piece of a stream. */
export const geminiReply = (text: string, isLast = true) => ({
  candidates: [
    { index: 0, content: { role: 'model', parts: [{ text }] }, ...(isLast && { finishReason: 'STOP' }) },
  ],
  usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 },
  modelVersion: 'gemini-invented',
});
