import { isAtLeast, TAKES_STREAM_SCOPE } from '../litellm/releases.ts';
import { addressIn } from './address.ts';
import {
  bestStreamEntry,
  type EntryOptions,
  lateEntry,
  plainEntry,
  requestEntry,
} from './litellm-entries.ts';
import type { WiredGuardrail } from './wired-guardrails.ts';
import type { WiringContext } from './wiring.ts';

/** A guardrail to add: for requests, for responses without a stream, or for streams. */
export type PastedGuardrail = 'pre' | 'post' | 'stream';

export const DEFAULT_BASE = 'os.environ/BRIDGE_URL';
export const DEFAULT_KEY = 'os.environ/BRIDGE_API_KEY';
const DEFAULT_TIMEOUT_SECONDS = 30;

/** Seconds that LiteLLM shall wait for a bridge that may take so many milliseconds. */
export function timeoutAbove(longestMs: number): number {
  return Math.max(DEFAULT_TIMEOUT_SECONDS, Math.ceil(longestMs / 1000) + 5);
}

/** The lines of a guardrail for a release, with the address and the variable of the key that another one has. */
export function pasteGuardrail(
  kind: PastedGuardrail,
  { release, settings }: WiringContext,
  like: WiredGuardrail | undefined,
): string {
  const options: EntryOptions = {
    release,
    base: baseOf(like),
    // A key that stands in the file itself is not repeated on a screen
    key: like?.key?.variable === undefined ? DEFAULT_KEY : like.key.written,
    timeoutSeconds: timeoutAbove(settings.longestCheckMs),
  };
  if (kind === 'pre') return requestEntry(options);
  if (!isAtLeast(release, TAKES_STREAM_SCOPE)) return lateEntry(options);
  return kind === 'post' ? plainEntry(options) : bestStreamEntry(options);
}

/** The address that another guardrail has, unless it can be none. */
function baseOf(like: WiredGuardrail | undefined): string {
  const { written, variable } = like?.base ?? { written: '' };
  const isUsable = variable !== undefined || addressIn(written)?.pathname === '/';
  return isUsable ? written : DEFAULT_BASE;
}
