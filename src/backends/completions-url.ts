/** The address of chat completions below a base that may hold a part of it already: `https://host`, or OpenAI's `https://host/v1`. */
export function completionsUrl(base: string): string {
  if (base.endsWith('/chat/completions')) return base;
  return /\/v\d+$/.test(base) ? `${base}/chat/completions` : `${base}/v1/chat/completions`;
}
