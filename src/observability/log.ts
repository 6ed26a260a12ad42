import pino from 'pino';
import type { Failure } from '../guardrail/failure.ts';
import { memoryBytes } from '../guardrail/memory.ts';

export type Log = pino.Logger;

/** A client chooses its call id, and its length. */
export const MAX_LOGGED_ID_CHARS = 128;

/** Bytes that wait for a slow reader; lines beyond that are dropped, and no call waits. */
const MAX_WAITING_BYTES = memoryBytes('log lines');

/**
 * Logs one JSON object a line. Callers log names, numbers and ids: never a prompt, a response, a header or a vendor's text.
 *
 * @param onDrop called for each line that is lost because its reader is slow, or takes none
 * @param destination replaces standard output
 * @param alsoTo called with each line
 */
export function createLog(
  level: string,
  onDrop: () => void,
  destination?: pino.DestinationStream,
  alsoTo?: (line: string) => void,
): Log {
  const formatters = { level: (label: string) => ({ level: label }) };
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters };
  if (destination === undefined && alsoTo === undefined) return pino(options, stdout(onDrop));
  const output = destination ?? stdout(onDrop);
  return pino(options, {
    write(line) {
      try {
        output.write(line);
      } catch {
        // That of a program which has the bridge within: no call fails for it
        onDrop();
      }
      alsoTo?.(line);
    },
  });
}

/** Writes a line that another thread has logged. */
export function writeLine(log: Log, line: string): void {
  (log as unknown as Record<symbol, pino.DestinationStream>)[pino.symbols.streamSym]?.write(line);
}

function stdout(onDrop: () => void): pino.DestinationStream {
  let isFailing = false;
  const output = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  output.on('drop', onDrop);
  // A file on a full disk: what it does not take goes out with a later line
  output.on('error', () => {
    isFailing = true;
  });
  output.on('drain', () => {
    isFailing = false;
  });
  process.prependListener('exit', () => {
    // It would try for ever to write the last lines
    if (isFailing) output.destroy();
  });
  return output;
}

/** A failure as it may be logged: without the text of a backend or a caller. */
export function loggable(failure: Failure): Record<string, unknown> {
  if (failure.kind !== 'bug') return { ...failure };
  const { error } = failure;
  if (!(error instanceof Error)) return { kind: 'bug' };
  // The message of an error can quote content, also such that looks like a place; where it was thrown cannot
  const { name, message, stack = '' } = error;
  const start = stack.indexOf(message);
  const places = start < 0 ? [] : stack.slice(start + message.length).split('\n');
  const at = places.filter((line) => line.startsWith('    at ')).slice(0, 8);
  return { kind: 'bug', error: name, at: at.map((line) => line.trim()) };
}
