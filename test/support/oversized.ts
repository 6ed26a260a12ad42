import { gzipSync } from 'node:zlib';
import type { Reply } from './fake-backend.ts';

/** More than four times what tests send, and 1 MB. */
const TEN_MB = 'x'.repeat(10 * 1024 * 1024);

/** Replies by which a vendor could exhaust memory or time, with what becomes of them. */
export const oversizedReplies: readonly { name: string; reply: Reply; failure: object }[] = [
  {
    name: 'a reply over the limit, with its length',
    reply: (_, response) =>
      void response.writeHead(200, { 'content-length': String(TEN_MB.length) }).end(TEN_MB),
    failure: { kind: 'oversize' },
  },
  {
    name: 'a reply that goes on without end',
    reply: flood('x'.repeat(64 * 1024)),
    failure: { kind: 'oversize' },
  },
  {
    name: 'a reply without end in pieces of one byte',
    reply: (_, { socket }) => {
      socket?.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const pieces = '1\r\nx\r\n'.repeat(50_000);
      const more = () => {
        while (socket?.writable && socket.write(pieces));
      };
      socket?.on('drain', more);
      more();
    },
    failure: { kind: 'oversize' },
  },
  {
    name: 'a length over the limit, and then nothing',
    reply: (_, response) => void response.writeHead(200, { 'content-length': '99999999999' }).write('{'),
    failure: { kind: 'oversize' },
  },
  {
    name: 'a quarter of a million objects',
    reply: body(`[${'{},'.repeat(250_000)}{}]`),
    failure: { kind: 'oversize' },
  },
  {
    name: 'a hundred thousand levels',
    reply: body('{"a":['.repeat(50_000) + ']}'.repeat(50_000)),
    failure: { kind: 'oversize' },
  },
  { name: 'open brackets alone', reply: body('['.repeat(900_000)), failure: { kind: 'oversize' } },
  {
    name: 'a compressed reply, which nobody asked for',
    reply: (_, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"decision":"allow"}')),
    failure: { kind: 'not_json' },
  },
  {
    name: 'headers without end',
    reply: (_, response) => {
      const { socket } = response;
      socket?.write('HTTP/1.1 200 OK\r\n');
      for (let i = 0; i < 10_000 && socket?.writable; i++) socket.write(`x-${i}: ${'y'.repeat(100)}\r\n`);
    },
    failure: { kind: 'unreachable', code: 'UND_ERR_HEADERS_OVERFLOW' },
  },
  {
    name: 'an error without end',
    reply: flood('x'.repeat(64 * 1024), 500),
    failure: { kind: 'http_status', status: 500 },
  },
];

function body(text: string): Reply {
  return (_, response) => void response.end(text);
}

function flood(piece: string, status = 200): Reply {
  return (_, response) => {
    response.writeHead(status);
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  };
}
