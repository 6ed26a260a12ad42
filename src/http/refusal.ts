import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

/** Bindings of Node's server, absent where a route is driven without one, and the body that the middleware read. */
export type BridgeEnv = { Bindings: Partial<HttpBindings>; Variables: { body: Buffer; isGzip: boolean } };
export type BridgeContext = Context<BridgeEnv>;

/** Why a request is not taken: it names the field and says what to do. Never the value. */
export type HttpRefusal<Reason extends string = string> = {
  readonly status: 400 | 401 | 403 | 413 | 415 | 503;
  readonly reason: Reason;
  readonly message: string;
  readonly field?: string;
};

/** Counts and logs a refusal, and makes the response. */
export type Refuse<Reason extends string = string> = (
  c: BridgeContext,
  refusal: HttpRefusal<Reason>,
) => Response;

/** The header of a request. Node's own object is read where there is one: hono would copy all headers first. */
export function requestHeader(c: BridgeContext, name: string): string | undefined {
  const value = c.env?.incoming === undefined ? c.req.header(name) : c.env.incoming.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** The body of an error: `{"error":{"type":…,"field":…,"message":…}}`. */
export function errorBody({ reason, field, message }: Omit<HttpRefusal, 'status'>): object {
  return { error: { type: reason, ...(field !== undefined && { field }), message } };
}
