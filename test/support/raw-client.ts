import { once } from 'node:events';
import net from 'node:net';

export type RawReply = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A bare socket that reads HTTP/1.1 replies one after the other. */
export type RawClient = {
  write(...pieces: (string | Buffer)[]): void;
  /** The next reply, `100 Continue` included; rejects when the connection ends before it is complete. */
  reply(): Promise<RawReply>;
  /** Bytes received that belong to no reply read so far. */
  rest(): string;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  destroy(): void;
};

export async function connect(port: number): Promise<RawClient> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true);
  let received = '';
  let ended = false;
  let wake = () => {};
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    wake();
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      ended = true;
      resolve();
      wake();
    });
  });

  return {
    write(...pieces) {
      for (const piece of pieces) socket.write(piece);
    },
    async reply() {
      for (;;) {
        const parsed = parseReply(received);
        if (parsed !== null) {
          received = received.slice(parsed.length);
          return parsed.reply;
        }
        if (ended)
          throw new Error(`the connection ended before a reply; received ${JSON.stringify(received)}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    rest: () => received,
    closed,
    destroy: () => socket.destroy(),
  };
}

function parseReply(text: string): { reply: RawReply; length: number } | null {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const [statusLine = '', ...rows] = text.slice(0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  if (!status) throw new Error(`not an HTTP reply: ${JSON.stringify(text.slice(0, 100))}`);
  const headers = Object.fromEntries(
    rows.map((row) => [row.slice(0, row.indexOf(':')).toLowerCase(), row.slice(row.indexOf(':') + 1).trim()]),
  );
  const start = headEnd + 4;
  if (status < 200 || status === 204) return { reply: { status, headers, body: '' }, length: start };
  if (headers['transfer-encoding'] === 'chunked') throw new Error('the bridge sends no chunked replies');
  const length = start + Number(headers['content-length'] ?? 0);
  return text.length < length
    ? null
    : { reply: { status, headers, body: text.slice(start, length) }, length };
}

/** The bytes of one guardrail call over HTTP/1.1. */
export function rawPost(body: string | object, headers: Readonly<Record<string, string>> = {}): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return `${rawHead(Buffer.byteLength(text), headers)}${text}`;
}

/** The head of {@link rawPost}. A header `:method` or `:path` stands for the request line. */
export function rawHead(contentLength: number, headers: Readonly<Record<string, string>> = {}): string {
  const {
    ':method': method = 'POST',
    ':path': path = '/beta/litellm_basic_guardrail_api',
    ...others
  } = headers;
  const rows = Object.entries({ host: 'bridge', 'content-length': String(contentLength), ...others });
  return `${method} ${path} HTTP/1.1\r\n${rows.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
