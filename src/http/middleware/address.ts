import type { MiddlewareHandler } from 'hono';
import type { BridgeEnv, Refuse } from '../refusal.ts';

/** Lets a request pass if its sender's address may call. @param isAllowed gets undefined for a call without a connection */
export function allowAddresses(
  isAllowed: (address: string | undefined) => boolean,
  refuse: Refuse<'address'>,
): MiddlewareHandler<BridgeEnv> {
  const refusal = {
    status: 403,
    reason: 'address',
    message: 'Access forbidden: IP address not allowed.',
  } as const;
  return (c, next) =>
    isAllowed(c.env?.incoming?.socket.remoteAddress) ? next() : Promise.resolve(refuse(c, refusal));
}
