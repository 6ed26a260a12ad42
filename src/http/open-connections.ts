import type { Server, ServerResponse } from 'node:http';
import net, { type Socket } from 'node:net';

/** Node's own mark of a connection with a call on it, from the end of its head to the end of its reply. Node goes by it too. */
type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

/** The open connections of a server, to tell those that wait for a reply from those that do not. */
export class OpenConnections {
  readonly #server: Server;
  /** The oldest first. */
  readonly #open = new Set<HttpSocket>();

  /**
   * @param maxIdle number of connections from which on a new one takes the place of one without a call
   * @param max number of connections beyond which a new one is closed at once
   */
  constructor(server: Server, maxIdle: number, max = Number.POSITIVE_INFINITY) {
    this.#server = server;
    server.on('connection', (socket: HttpSocket) => {
      if (this.#open.size >= max) {
        socket.destroy();
        return;
      }
      if (this.#open.size >= maxIdle) this.#leastUsed()?.destroy();
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
