import type { MiddlewareHandler } from 'hono';
import { type BridgeEnv, type Refuse, requestHeader } from '../refusal.ts';
import type { BodyReader, UnreadBody } from './body-reader.ts';

export type BodyOptions = {
  /** True if a compressed body is taken; it is not unpacked here. */
  readonly acceptsGzip: boolean;
  /** Message for each refusal. */
  readonly messages: Readonly<Record<'too_large' | 'overloaded' | 'content_encoding', string>>;
  readonly refuse: Refuse<UnreadBody>;
  /** Refuses before the body is read. */
  readonly refuseEarly: Refuse<'content_encoding'>;
};

const STATUS = { too_large: 413, overloaded: 503, slow: 408, aborted: 400, content_encoding: 415 } as const;
const MESSAGES = {
  aborted: 'the body ended early',
  slow: 'the body did not arrive in time; raise BODY_TIMEOUT',
};

/**
 * Reads the body of a request into the variable `body`, up to the bound of a reader, and all bodies of that reader together up to a
 * multiple of it.
 *
 * It reads Node's own stream where there is one: hono's `bodyLimit` and web streams cost most of the throughput.
 */
export function readBody(
  reader: BodyReader,
  { refuse, refuseEarly, messages, acceptsGzip }: BodyOptions,
): MiddlewareHandler<BridgeEnv> {
  return async (c, next) => {
    const encoding = requestHeader(c, 'content-encoding')?.toLowerCase() ?? 'identity';
    const isGzip = encoding === 'gzip' || encoding === 'x-gzip';
    if (encoding !== '' && encoding !== 'identity' && !(isGzip && acceptsGzip)) {
      const reason = 'content_encoding';
      return refuseEarly(c, { status: 415, reason, field: 'content-encoding', message: messages[reason] });
    }
    const incoming = c.env?.incoming;
    const body =
      incoming === undefined
        ? reader.take(Buffer.from(await c.req.arrayBuffer()))
        : await reader.read(incoming);
    if ('refused' in body) {
      const reason = body.refused;
      const message = reason === 'aborted' || reason === 'slow' ? MESSAGES[reason] : messages[reason];
      const reply = refuse(c, { status: STATUS[reason], reason, field: 'body', message });
      // Has Node close the connection after the reply, with what its sender still sends
      if (body.isArriving) reply.headers.set('connection', 'close');
      return reply;
    }
    c.set('body', body.received);
    c.set('isGzip', isGzip);
    try {
      return await next();
    } finally {
      body.release();
    }
  };
}
