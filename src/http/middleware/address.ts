import type { MiddlewareHandler } from 'hono';
import type { BridgeEnv, Refuse } from '../refusal.ts';

/** Lets a request pass if its sender's address may call. @param isAllowed gets undefined for a call without a connection */
export function allowAddresses(
  isAllowed: (address: string | undefined) => boolean,
  refuse: Refuse<'address'>,
): MiddlewareHandler<BridgeEnv> {
  return async (c, next) => {
    if (isAllowed(c.env?.incoming?.socket.remoteAddress)) return next();
    return refuse(c, {
      status: 403,
      reason: 'address',
      message: 'Access forbidden: IP address not allowed.',
    });
  };
}
