import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

/** A body, to be released once it is answered, or why there is none. */
export type Body =
  | { readonly bytes: Buffer; release(): void }
  | { readonly refused: 'too_large' | 'overloaded' | 'aborted' };

/**
 * Reads request bodies up to `maxBytes`, and all together up to a multiple of it. What is over is read on to its end
 * and thrown away: a caller that is still sending would not see an earlier answer.
 *
 * It reads Node's own stream where there is one: hono's `bodyLimit` and web streams cost most of the throughput.
 *
 * @param largestAtOnce how many bodies of the greatest size may be in memory, unread or unanswered
 */
export function createBodyReader(
  maxBytes: number,
  largestAtOnce = 8,
): (c: Context<{ Bindings: Partial<HttpBindings> }>) => Promise<Body> {
  let held = 0;

  function readIncoming(incoming: IncomingMessage): Promise<Body> {
    const chunks: Buffer[] = [];
    let size = 0;
    let refused: 'too_large' | 'overloaded' | undefined;
    const release = () => {
      held -= size;
      size = 0;
      chunks.length = 0;
    };
    if (Number(incoming.headers['content-length']) > maxBytes) refused = 'too_large';

    return new Promise((resolve) => {
      incoming.on('data', (chunk: Buffer) => {
        if (refused !== undefined) return;
        size += chunk.length;
        held += chunk.length;
        if (size > maxBytes) refused = 'too_large';
        else if (held > maxBytes * largestAtOnce) refused = 'overloaded';
        if (refused === undefined) chunks.push(chunk);
        else release();
      });
      incoming.on('end', () => {
        if (refused !== undefined) return resolve({ refused });
        const [first] = chunks;
        const bytes = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, size);
        chunks.length = 0;
        return resolve({ bytes, release });
      });
      const abort = () => {
        if (!incoming.readableEnded) release();
        resolve({ refused: 'aborted' });
      };
      incoming.on('error', abort);
      incoming.on('close', abort);
    });
  }

  return async (c) => {
    const incoming = c.env?.incoming;
    if (incoming !== undefined) return readIncoming(incoming);
    const bytes = Buffer.from(await c.req.arrayBuffer());
    return bytes.length > maxBytes ? { refused: 'too_large' } : { bytes, release() {} };
  };
}
