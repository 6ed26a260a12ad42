import pino from 'pino';
import type { Failure } from '../guardrail/failure.ts';

export type Log = pino.Logger;

/** A client chooses its call id, and its length. */
export const MAX_LOGGED_ID_CHARS = 128;

/** Bytes that wait for a slow reader; lines beyond that are dropped, and no call waits. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/**
 * Logs one JSON object a line. Callers log names, numbers and ids: never a prompt, a response, a header or a vendor's text.
 *
 * @param onDrop called for each line that is lost because its reader is slow
 * @param destination replaces standard output
 */
export function createLog(level: string, onDrop: () => void, destination = stdout(onDrop)): Log {
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters }, destination);
}

function stdout(onDrop: () => void): pino.DestinationStream {
  const output = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  output.on('drop', onDrop);
  return output;
}

/** A failure as it may be logged: without the text of a backend or a caller. */
export function loggable(failure: Failure): Record<string, unknown> {
  if (failure.kind !== 'bug') return { ...failure };
  const { error } = failure;
  if (!(error instanceof Error)) return { kind: 'bug' };
  // The message of an error can quote content; where it was thrown cannot
  const at = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  return { kind: 'bug', error: error.name, at: at.slice(0, 8).map((line) => line.trim()) };
}
