import type { IncomingMessage } from 'node:http';

/** As much as a call may have by default. */
const MAX_BYTES = 32 * 1024 * 1024;

export type UnreadLimits = {
  readonly timeoutMs: number;
  /** Called when a sender went on beyond that, and its connection is closed. */
  readonly onCut: () => void;
};

/**
 * Reads on a body that nobody wants, so that its sender sees the reply and can use its connection again, but no more than 32 MB, and
 * no longer than any body may take.
 */
export function readOn(incoming: IncomingMessage | undefined, { timeoutMs, onCut }: UnreadLimits): void {
  if (incoming === undefined || incoming.complete || !hasBody(incoming)) return;
  let read = 0;
  const cut = () => {
    onCut();
    incoming.off('data', throwAway);
    incoming.socket.destroy();
  };
  const throwAway = (chunk: Buffer) => {
    read += chunk.length;
    if (read > MAX_BYTES) return cut();
    // Lets others have a turn
    incoming.pause();
    setImmediate(() => incoming.resume());
  };
  const timer = setTimeout(cut, timeoutMs).unref();
  incoming.once('close', () => clearTimeout(timer));
  incoming.on('data', throwAway);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
