import type { Server, ServerResponse } from 'node:http';
import net, { type Socket } from 'node:net';

/** Node's own mark of a connection with a call on it, from the end of its head to the end of its reply. Node goes by it too. */
type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

const trusted = new WeakSet<Socket>();

/** Keeps a connection whose sender has shown a key, where others must go. */
export function trust(connection: Socket): void {
  trusted.add(connection);
}

/** Bounds of connections. */
export type ConnectionBounds = {
  /** Number from which on a new one takes the place of one without a call. */
  readonly maxIdle: number;
  /** Number from which on no other is accepted. */
  readonly maxConnections: number;
  /** True if a new one then takes the place of the oldest that is not trusted: one that is slow on purpose, as others have a reply by now. */
  readonly cutsStrangers?: boolean;
};

/** The open connections of a server, to tell those that wait for a reply from those that do not. */
export class OpenConnections {
  readonly #server: Server;
  /** The oldest first. */
  readonly #open = new Set<HttpSocket>();

  constructor(server: Server, { maxIdle, maxConnections, cutsStrangers = false }: ConnectionBounds) {
    this.#server = server;
    server.on('connection', (socket: HttpSocket) => {
      const isFull = this.#open.size >= maxConnections;
      let gone = this.#open.size < maxIdle ? undefined : this.#leastUsed();
      if (isFull && cutsStrangers) gone ??= this.#oldestStranger();
      if (gone !== undefined) {
        this.#open.delete(gone);
        gone.destroy();
      } else if (isFull) {
        socket.destroy();
        return;
      }
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
  }

  /** The oldest that never sent anything; the oldest without a call, if all have. */
  #leastUsed(): HttpSocket | undefined {
    let oldest: HttpSocket | undefined;
    for (const socket of this.#open) {
      if (isBusy(socket)) continue;
      if (socket.bytesRead === 0) return socket;
      oldest ??= socket;
    }
    return oldest;
  }

  #oldestStranger(): HttpSocket | undefined {
    for (const socket of this.#open) if (!trusted.has(socket)) return socket;
    return undefined;
  }

  /** Takes no new connections, and leaves those that are open as they are: one that has just come has a call under way. */
  takeNoMore(): void {
    // That of an HTTP server would close them
    net.Server.prototype.close.call(this.#server);
  }

  /** Number of connections on which a call has no reply yet. */
  busy(): number {
    let number = 0;
    for (const socket of this.#open) if (isBusy(socket)) number++;
    return number;
  }

  /**
   * Stops listening, closes connections without a call at once, and each other one after its reply. Node closes none that never sent
   * anything, or half a head. Resolves when all are gone.
   */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#open) closeAfterReply(socket);
    });
  }

  /** Cuts off every call. */
  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

function isBusy({ _httpMessage }: HttpSocket): boolean {
  return _httpMessage !== undefined && _httpMessage !== null;
}

function closeAfterReply(socket: HttpSocket): void {
  if (isBusy(socket)) {
    // By then the next of several pipelined calls has taken its place
    socket._httpMessage?.once('close', () => setImmediate(closeAfterReply, socket));
  } else socket.destroySoon();
}
