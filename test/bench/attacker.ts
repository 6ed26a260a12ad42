/** A hostile client, a process of its own: is told of an attack, says when it is ready, attacks, and says what it was answered. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type AttackBody, bomb, guardrailBody, logBody, MB, vendorCall } from './attack-bodies.ts';
import { SERIAL } from './body.ts';

type Bodies =
  | { readonly of: 'guardrail' | 'logs' | 'vendor'; readonly kind: string }
  | { readonly of: 'bomb' };
/** What is done, see {@link WAYS}. */
type Way = keyof typeof WAYS;

export type Attack = {
  readonly port: number;
  readonly bodies: Bodies;
  readonly way: Way;
  readonly bytes: number;
  readonly connections: number;
  /** It begins nothing new after that. */
  readonly ms: number;
};
/** How often the attackers got which answer. */
export type Answers = Readonly<Record<string, number>>;

const PATHS = {
  guardrail: ['/beta/litellm_basic_guardrail_api', '/'],
  vendor: ['/', '/'],
  logs: ['/v1/litellm/logs', '/v1/litellm/logs'],
  bomb: ['/v1/litellm/logs', '/v1/litellm/logs'],
};
/** Who has no reply by then gets none. */
const PATIENCE_MS = 90_000;

let serial = Date.now() % 1e6;
const nextSerial = () => String(++serial).padStart(SERIAL.length, '0');

type Request = { readonly head: string; readonly parts: readonly Buffer[] };

function requestOf(path: string, parts: readonly Buffer[], headers: string[] = []): Request {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const rows = [`POST ${path} HTTP/1.1`, 'host: bridge', 'x-api-key: bench-key', ...headers];
  return { head: `${[...rows, `content-length: ${length}`].join('\r\n')}\r\n\r\n`, parts };
}

/** Makes the requests of an attack, each with a call of its own; every second log body is compressed. */
function requests({ bodies, bytes }: Attack): (index: number, id?: string, type?: string) => Request {
  if (bodies.of === 'bomb') {
    const packed = bomb();
    return () => requestOf(PATHS.bomb[0] as string, [packed], ['content-encoding: gzip']);
  }
  const body: AttackBody =
    bodies.of === 'vendor'
      ? vendorCall(bodies.kind)
      : bodies.of === 'logs'
        ? logBody(bodies.kind, bytes)
        : guardrailBody(bodies.kind, bytes);
  const paths = PATHS[bodies.of];
  const packedRest = bodies.of === 'logs' ? gzipSync(body.rest, { level: 1 }) : undefined;
  return (index, id = nextSerial(), type = 'request') => {
    const start = Buffer.from(
      body.start.replaceAll(SERIAL, id).replace('"input_type":"request"', `"input_type":"${type}"`),
    );
    if (packedRest !== undefined && index % 2 === 1) {
      return requestOf(paths[1] as string, [gzipSync(start), packedRest], ['content-encoding: gzip']);
    }
    return requestOf(paths[index % 2] as string, [start, body.rest]);
  };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect').catch(() => {});
  return socket;
}

/** One word for a reply. */
function replyOf(text: string): string {
  const status = text.slice(9, 12);
  if (!text.startsWith('HTTP/1.1 200 ')) return status;
  const action = /"action":"(\w+)"/.exec(text)?.[1];
  if (action === undefined) return /"accepted":[1-9]/.test(text) ? 'stored' : '200';
  return text.includes('"blocked_reason":"Not allowed: ') ? 'refused' : action;
}

/** The reply to what is being written, `closed` or `none`. */
function reply(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const end = (word: string) => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose);
      resolve(word);
    };
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
      if (text.length >= head + 4 + length) end(replyOf(text));
    };
    const onClose = () => end('closed');
    const timer = setTimeout(() => end('none'), PATIENCE_MS);
    socket.on('data', onData).on('close', onClose);
    if (socket.destroyed) onClose();
  });
}

function write(socket: Socket, { head, parts }: Request): void {
  socket.write(head);
  for (const part of parts) socket.write(part);
}

type Doing = Attack & { readonly make: ReturnType<typeof requests>; answer(word: string): void };

const eachConnection = (connections: number, act: (index: number) => Promise<void>) =>
  Promise.all(Array.from({ length: connections }, (_, index) => act(index)));

/** Sends bodies one after the other on each connection; `ids` says which call each of them is. */
async function send(doing: Doing, ids: (turn: number) => [id: string, type: string]): Promise<void> {
  const end = performance.now() + doing.ms;
  await eachConnection(doing.connections, async (index) => {
    let socket = await open(doing.port);
    let turn = 0;
    do {
      if (socket.destroyed) socket = await open(doing.port);
      const replied = reply(socket);
      write(socket, doing.make(index + turn, ...ids(turn)));
      doing.answer(await replied);
      turn += 1;
    } while (performance.now() < end);
    socket.destroy();
  });
}

const WAYS = {
  /** Whole bodies, each of a call of its own. */
  bodies: (doing: Doing) => send(doing, () => [nextSerial(), 'request']),
  /** The same call from every connection at once. */
  again: (doing: Doing) => {
    const ids: string[] = [];
    return send(doing, (turn) => {
      ids[turn] ??= nextSerial();
      return [ids[turn], 'request'];
    });
  },
  /** Requests and their responses in turns. */
  pairs: async (doing: Doing) => {
    const sendPairs = async (index: number) => {
      let id = '';
      await send({ ...doing, connections: 1, make: (_, ...call) => doing.make(index, ...call) }, (turn) => {
        if (turn % 2 === 0) id = nextSerial();
        return [id, turn % 2 === 0 ? 'request' : 'response'];
      });
    };
    await eachConnection(doing.connections, sendPairs);
  },
  /** All but the last byte, which follows at the end. */
  half: async (doing: Doing) => {
    const half = async (index: number) => {
      const socket = await open(doing.port);
      const { head, parts } = doing.make(index);
      const last = parts.at(-1) as Buffer;
      const replied = reply(socket);
      write(socket, { head, parts: [...parts.slice(0, -1), last.subarray(0, -1)] });
      await wait(doing.ms);
      socket.write(last.subarray(-1));
      doing.answer(await replied);
      socket.destroy();
    };
    await eachConnection(doing.connections, half);
  },
  /** A megabyte at once, and then 64 KB each second. */
  drip: async (doing: Doing) => {
    const end = performance.now() + doing.ms;
    const drip = async (index: number) => {
      const socket = await open(doing.port);
      const { head, parts } = doing.make(index);
      const [start, rest] = parts as [Buffer, Buffer];
      let replied: string | undefined;
      void reply(socket).then((word) => {
        replied = word;
      });
      write(socket, { head, parts: [start, rest.subarray(0, MB)] });
      for (let at = MB; performance.now() < end && replied === undefined; at += MB / 16) {
        await wait(1_000);
        if (!socket.destroyed) socket.write(rest.subarray(at, at + MB / 16));
      }
      doing.answer(replied ?? 'still open');
      socket.destroy();
    };
    await eachConnection(doing.connections, drip);
  },
  /** A body of a byte a piece. */
  pieces: async (doing: Doing) => {
    const pieces = Buffer.from('1\r\nx\r\n'.repeat(1_000_000));
    const end = performance.now() + doing.ms;
    const send = async () => {
      while (performance.now() < end) {
        const socket = await open(doing.port);
        const replied = reply(socket);
        socket.write(
          'POST / HTTP/1.1\r\nhost: bridge\r\nx-api-key: bench-key\r\ntransfer-encoding: chunked\r\n\r\n',
        );
        socket.write(pieces);
        socket.write('0\r\n\r\n');
        doing.answer(await replied);
        socket.destroy();
      }
    };
    await eachConnection(doing.connections, send);
  },
  /** Small calls without a key, four thousand at once on one connection. */
  pipelined: async (doing: Doing) => {
    const many = 'POST / HTTP/1.1\r\nhost: bridge\r\ncontent-length: 2\r\n\r\n{}'.repeat(4_000);
    const end = performance.now() + doing.ms;
    const flood = async () => {
      while (performance.now() < end) {
        const socket = await open(doing.port);
        const closed = once(socket, 'close').catch(() => {});
        socket.resume();
        socket.end(many);
        await Promise.race([closed, wait(PATIENCE_MS, undefined, { ref: false })]);
        doing.answer(socket.destroyed ? 'ended' : 'none');
        socket.destroy();
      }
    };
    await eachConnection(doing.connections, flood);
  },
  /** Bodies without end from callers without a key. */
  endless: async (doing: Doing) => {
    const piece = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`);
    const end = performance.now() + doing.ms;
    const endless = async () => {
      const socket = await open(doing.port);
      const replied = reply(socket);
      socket.write('POST / HTTP/1.1\r\nhost: bridge\r\ntransfer-encoding: chunked\r\n\r\n');
      let sent = 0;
      while (performance.now() < end && !socket.destroyed) {
        const taken = new Promise<void>((resolve) => socket.write(piece, () => resolve()));
        await Promise.race([taken, wait(Math.max(1, end - performance.now()), undefined, { ref: false })]);
        sent += piece.length;
      }
      const word = await Promise.race([replied, wait(100, 'none')]);
      const fate = socket.destroyed ? 'and cut' : 'and read on';
      const size = 2 ** Math.ceil(Math.log2(Math.max(1, sent / MB)));
      doing.answer(`${word} ${fate}, sent <= ${size} MB:`);
      socket.destroy();
    };
    await eachConnection(doing.connections, endless);
  },
};

let ready: Doing & { readonly answers: Answers };

process.on('message', async (message: Attack | 'go') => {
  if (message !== 'go') {
    const answers: Record<string, number> = {};
    const answer = (word: string) => {
      answers[word] = (answers[word] ?? 0) + 1;
    };
    ready = { ...message, make: requests(message), answer, answers };
    process.send?.('ready');
    return;
  }
  await WAYS[ready.way](ready);
  process.send?.(ready.answers);
});
