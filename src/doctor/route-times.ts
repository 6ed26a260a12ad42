import net from 'node:net';
import tls from 'node:tls';

/** Milliseconds of each step on the way to a server; left out where there is none, as for an address without a name. */
export type RouteTimes = { readonly dns?: number; readonly tcp: number; readonly tls?: number };

/**
 * Opens a connection to the server of an address, closes it, and tells how long each step took.
 *
 * @throws the error of the system, with a `code`; `ETIMEDOUT` if it took longer than `timeoutMs`
 */
export function timeRoute(url: string, timeoutMs: number): Promise<RouteTimes> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isTls = protocol === 'https:';
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let namedAt: number | undefined;
    let secured: tls.TLSSocket | undefined;
    const socket = net.connect({ host, port: port === '' ? (isTls ? 443 : 80) : Number(port) });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      secured?.destroy();
      socket.destroy();
      settle();
    };
    const fail = (error: Error) => end(() => reject(error));
    const timer = setTimeout(
      () => fail(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })),
      timeoutMs,
    );
    socket.once('lookup', (error) => {
      if (error === null && net.isIP(host) === 0) namedAt = performance.now();
    });
    socket.once('error', fail);
    socket.once('connect', () => {
      const connectedAt = performance.now();
      const times = {
        ...(namedAt !== undefined && { dns: namedAt - startedAt }),
        tcp: connectedAt - (namedAt ?? startedAt),
      };
      if (!isTls) {
        end(() => resolve(times));
        return;
      }
      secured = tls.connect({ socket, ...(net.isIP(host) === 0 && { servername: host }) });
      secured.once('error', fail);
      secured.once('secureConnect', () =>
        end(() => resolve({ ...times, tls: performance.now() - connectedAt })),
      );
    });
  });
}

/** The steps for people: `name 2 ms, connection 1 ms, TLS 24 ms`. */
export function routeText({ dns, tcp, tls: secured }: RouteTimes): string {
  const steps: readonly (readonly [string, number | undefined])[] = [
    ['name', dns],
    ['connection', tcp],
    ['TLS', secured],
  ];
  return steps.flatMap(([step, ms]) => (ms === undefined ? [] : [`${step} ${Math.round(ms)} ms`])).join(', ');
}
