import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

export type Body = { readonly text: string } | { readonly refused: 'too_large' | 'overloaded' | 'aborted' };

/** How many bodies of the greatest size may be in memory at once before callers are refused. */
const LARGEST_AT_ONCE = 8;

/**
 * Reads request bodies up to `maxBytes`, and all together up to a multiple of it. What is over is read on to its end
 * and thrown away: a caller that is still sending would not see an earlier answer.
 *
 * It reads Node's own stream where there is one: hono's `bodyLimit` and web streams cost most of the throughput.
 */
export function createBodyReader(
  maxBytes: number,
): (c: Context<{ Bindings: Partial<HttpBindings> }>) => Promise<Body> {
  let held = 0;

  async function readIncoming(incoming: IncomingMessage): Promise<Body> {
    const chunks: Buffer[] = [];
    let size = 0;
    let refused: 'too_large' | 'overloaded' | undefined;
    const refuse = (reason: 'too_large' | 'overloaded') => {
      refused = reason;
      held -= size;
      size = 0;
      chunks.length = 0;
    };
    if (Number(incoming.headers['content-length']) > maxBytes) refuse('too_large');
    return new Promise((resolve) => {
      const end = (body: Body) => {
        held -= size;
        size = 0;
        resolve(body);
      };
      incoming.on('data', (chunk: Buffer) => {
        if (refused !== undefined) return;
        size += chunk.length;
        held += chunk.length;
        if (size > maxBytes) refuse('too_large');
        else if (held > maxBytes * LARGEST_AT_ONCE) refuse('overloaded');
        else chunks.push(chunk);
      });
      incoming.on('end', () => {
        if (refused !== undefined) return end({ refused });
        const text = chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks, size).toString();
        return end({ text });
      });
      incoming.on('error', () => end({ refused: 'aborted' }));
      incoming.on('close', () => end({ refused: 'aborted' }));
    });
  }

  return async (c) => {
    const incoming = c.env?.incoming;
    if (incoming !== undefined) return readIncoming(incoming);
    const bytes = await c.req.arrayBuffer();
    return bytes.byteLength > maxBytes ? { refused: 'too_large' } : { text: Buffer.from(bytes).toString() };
  };
}
