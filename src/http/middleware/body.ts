import type { IncomingMessage } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import { type BridgeEnv, type Refuse, requestHeader } from '../refusal.ts';

type BodyRefusal = 'too_large' | 'overloaded' | 'aborted' | 'content_encoding';

export type BodyOptions = {
  readonly maxBytes: number;
  /** Number of bodies of the greatest size that may be in memory before their replies are sent. */
  readonly largestAtOnce: number;
  /** True if a compressed body is taken; it is not unpacked here. */
  readonly acceptsGzip: boolean;
  /** Message for each refusal. */
  readonly messages: Readonly<Record<'too_large' | 'overloaded' | 'content_encoding', string>>;
  readonly refuse: Refuse<BodyRefusal>;
};

const STATUS = { too_large: 413, overloaded: 503, aborted: 400, content_encoding: 415 } as const;

/**
 * Reads the body of a request into the variable `body`, up to `maxBytes`, and all bodies together up to a multiple of it. What
 * is over is read on to its end and thrown away: a caller that is still sending would not see an earlier reply.
 *
 * It reads Node's own stream where there is one: hono's `bodyLimit` and web streams cost most of the throughput.
 */
export function readBody({
  refuse,
  messages,
  acceptsGzip,
  ...limits
}: BodyOptions): MiddlewareHandler<BridgeEnv> {
  const reader = new BodyReader(limits);
  return async (c, next) => {
    const encoding = requestHeader(c, 'content-encoding')?.toLowerCase() ?? 'identity';
    const isGzip = encoding === 'gzip' || encoding === 'x-gzip';
    if (encoding !== '' && encoding !== 'identity' && !(isGzip && acceptsGzip)) {
      const reason = 'content_encoding';
      return refuse(c, { status: 415, reason, field: 'content-encoding', message: messages[reason] });
    }
    const incoming = c.env?.incoming;
    const body =
      incoming === undefined
        ? reader.take(Buffer.from(await c.req.arrayBuffer()))
        : await reader.read(incoming);
    if ('refused' in body) {
      const reason = body.refused;
      const message = reason === 'aborted' ? 'the body ended early' : messages[reason];
      return refuse(c, { status: STATUS[reason], reason, field: 'body', message });
    }
    c.set('body', body.bytes);
    c.set('isGzip', isGzip);
    try {
      return await next();
    } finally {
      body.release();
    }
  };
}

/** A body, to be released once its reply is sent, or why there is none. */
type Body =
  | { readonly bytes: Buffer; release(): void }
  | { readonly refused: 'too_large' | 'overloaded' | 'aborted' };

class BodyReader {
  readonly #maxBytes: number;
  readonly #maxHeld: number;
  /** Bytes of all bodies whose replies are not sent yet. */
  #held = 0;

  constructor({ maxBytes, largestAtOnce }: { maxBytes: number; largestAtOnce: number }) {
    this.#maxBytes = maxBytes;
    this.#maxHeld = maxBytes * largestAtOnce;
  }

  /** A body that was read elsewhere. */
  take(bytes: Buffer): Body {
    return bytes.length > this.#maxBytes ? { refused: 'too_large' } : { bytes, release() {} };
  }

  read(incoming: IncomingMessage): Promise<Body> {
    const chunks: Buffer[] = [];
    let size = 0;
    let refused: 'too_large' | 'overloaded' | undefined;
    const release = () => {
      this.#held -= size;
      size = 0;
      chunks.length = 0;
    };
    if (Number(incoming.headers['content-length']) > this.#maxBytes) refused = 'too_large';

    return new Promise((resolve) => {
      incoming.on('data', (chunk: Buffer) => {
        if (refused !== undefined) return;
        size += chunk.length;
        this.#held += chunk.length;
        if (size > this.#maxBytes) refused = 'too_large';
        else if (this.#held > this.#maxHeld) refused = 'overloaded';
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
}
