import type { Worker } from 'node:cluster';

/** A message of node:cluster: a connection for a worker, or that it has been taken. */
type ClusterMessage = { readonly act?: string; readonly seq?: number; readonly ack?: number };
type Handle = { close(): void };

/**
 * Closes the connection that is on its way to a worker when that ends, so that its sender notices. Node.js 24 leaves it open, and nobody ever
 * answers on it: who had a connection to that worker opens another at once, which often meets this moment.
 *
 * @see https://github.com/nodejs/node/blob/v24.x/lib/internal/cluster/round_robin_handle.js `handoff`
 */
export function closeLostConnections({ process: child }: Worker): void {
  const underWay = new Map<number, Handle>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  const sendTracked = (message: ClusterMessage, handle?: Handle, ...others: unknown[]): boolean => {
    if (handle !== undefined && message.act === 'newconn' && message.seq !== undefined)
      underWay.set(message.seq, handle);
    return send(message, handle, ...others);
  };
  child.send = sendTracked as typeof child.send;
  child.on('internalMessage', ({ ack }: ClusterMessage) => {
    if (ack !== undefined) underWay.delete(ack);
  });
  const close = () => {
    for (const handle of underWay.values()) handle.close();
    underWay.clear();
  };
  child.once('disconnect', close);
  // One that was sent meanwhile
  child.once('exit', close);
}
