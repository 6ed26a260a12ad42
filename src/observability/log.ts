import pino from 'pino';
import type { Failure } from '../guardrail/failure.ts';

export type Log = pino.Logger;

/** A client chooses its call id, and its length. */
export const MAX_LOGGED_ID_CHARS = 128;

/** Bytes that wait for a slow reader; lines beyond that are dropped, and no call waits. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/**
 * One JSON object per line. Nothing here takes a prompt, an answer, a header or a vendor's text: callers log names,
 * numbers and ids.
 *
 * @param destination where lines go instead of standard output
 * @param onDrop told of each line that nobody could take
 */
export function createLog(level: string, onDrop: () => void, destination?: pino.DestinationStream): Log {
  const output = destination ?? stdout(onDrop);
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters }, output);
}

function stdout(onDrop: () => void): pino.DestinationStream {
  const output = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  output.on('drop', onDrop);
  return output;
}

/** A failure without anything that a backend or a caller said. */
export function loggable(failure: Failure): Record<string, unknown> {
  if (failure.kind !== 'bug') return { ...failure };
  const { error } = failure;
  if (!(error instanceof Error)) return { kind: 'bug' };
  // The message of an error can quote what it was about; where it was thrown cannot
  const at = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  return { kind: 'bug', error: error.name, at: at.slice(0, 8).map((line) => line.trim()) };
}
