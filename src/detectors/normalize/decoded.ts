import { encodedRuns } from './encoded-runs.ts';
import { unescaped } from './escapes.ts';

/**
 * The texts that are encoded within a text: in runs of base64 and hex, and the whole text with percent codes, entities and
 * escapes undone, as they may stand for one letter each; two levels deep.
 */
export function decodedParts(text: string): string[] {
  const parts = encodedRuns(text).map((run) => run.text);
  if (!text.includes('%') && !text.includes('&') && !text.includes('\\')) return parts;
  const whole = unescaped(text);
  if (whole === text) return parts;
  const twice = unescaped(whole);
  return [...parts, whole, ...(twice === whole ? [] : [twice]), ...encodedRuns(whole).map((run) => run.text)];
}
