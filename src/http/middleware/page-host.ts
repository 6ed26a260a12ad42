import type { MiddlewareHandler } from 'hono';
import type { BridgeContext, BridgeEnv } from '../refusal.ts';

/**
 * Refuses a page that nobody is asked a key for under another name than its own. Anybody can have a name of theirs point to this
 * machine, and a browser would let their script read what stands there.
 *
 * @param host address that is listened on
 */
export function ownHost(
  host: string,
  refuse: (c: BridgeContext) => Response | Promise<Response>,
): MiddlewareHandler<BridgeEnv> {
  const own = new Set(['localhost', '127.0.0.1', '[::1]', bracketed(host.toLowerCase())]);
  return (c, next) => {
    const name = hostname(c.req.header('host'));
    const local = c.env?.incoming?.socket.localAddress?.replace(/^::ffff:/, '');
    const isOwn = name !== undefined && (own.has(name) || (local !== undefined && name === bracketed(local)));
    return isOwn ? next() : Promise.resolve(refuse(c));
  };
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** The name in a `Host` header, without its port; undefined for one that nobody can write so. */
function hostname(header: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(header ?? '')?.[1]?.toLowerCase();
}
