import type { Refusal } from '../guardrail/failure.ts';

/** A `Retry-After` header in milliseconds: it says seconds or a date. */
export function waitOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const waitMs = /^\d+(?:\.\d+)?$/.test(header.trim())
    ? Number(header) * 1000
    : Date.parse(header) - Date.now();
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : undefined;
}

/**
 * The reply to a refused delivery. The vendor's text can repeat what it was sent, so it is there for who asks for it, and not for JSON
 * or `inspect`.
 */
export function refusalOf(text: string, retryAfterMs?: number): Refusal {
  const refusal = retryAfterMs === undefined ? {} : { retryAfterMs };
  return Object.defineProperty(refusal, 'reply', { value: text.slice(0, 500) });
}
