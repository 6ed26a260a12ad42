import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../../support/bridge.ts';
import { type Listening, listen, metric } from '../../support/listen.ts';
import { randomFrom } from '../../support/random.ts';
import { connect, type RawClient, rawHead } from '../../support/raw-client.ts';

const MB = 1024 * 1024;
const SECRET = ` key ${'AKIA'}QW3RTY7UIOP4SDFG `;
const clients: RawClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

async function serve(env: Record<string, string> = {}) {
  const bridge = testBridge({ MAX_BODY_MB: '2', ...env });
  const server = await listen(bridge);
  onTestFinished(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await server.close();
    await bridge.close();
  });
  const refused = async (reason: string) =>
    metric(await (await bridge.app.request('/metrics')).text(), 'rejected_total', { reason });
  return { server, refused };
}

/** A call of exactly so many bytes, judged as its last words say. */
function callOf(bytes: number, end = ''): string {
  const [start, rest] = ['{"input_type":"request","texts":["', `${end}"]}`];
  return `${start}${'lorem ips '.repeat(bytes / 10).slice(0, bytes - start.length - rest.length)}${rest}`;
}

async function client({ port }: Listening, ...pieces: string[]): Promise<RawClient> {
  const raw = await connect(port);
  clients.push(raw);
  raw.write(...pieces);
  return raw;
}

async function actionOf(raw: RawClient): Promise<string | undefined> {
  return (JSON.parse((await raw.reply()).body) as { action?: string }).action;
}

/** An honest call: all of it at once. */
async function ask(server: Listening, bytes: number): Promise<string | undefined> {
  const body = callOf(bytes);
  return actionOf(await client(server, rawHead(body.length), body));
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

test('eight half-sent bodies of the greatest size refuse nobody, small or large, and are judged when they end, unless they gave way', async () => {
  const { server, refused } = await serve();
  const body = callOf(2 * MB);
  const half = await Promise.all(times(8, () => client(server, rawHead(body.length), body.slice(0, -1))));
  const sizes = [200, 30_000, 300_000, MB, 2 * MB];
  expect(await Promise.all(sizes.map((bytes) => ask(server, bytes)))).toEqual(sizes.map(() => 'NONE'));
  for (const raw of half) raw.write('}');
  const actions = await Promise.all(half.map(actionOf));
  // Those that gave way to the large ones
  expect(await refused('overloaded')).toBe(actions.filter((action) => action === 'BLOCKED').length);
  expect(actions).toContain('NONE');
});

test.each([
  ['with a length', 'content-length: 2097152'],
  ['in chunks', 'transfer-encoding: chunked'],
])('a flood that never stops sending, %s, has no large call of others refused', async (_, header) => {
  const { server } = await serve({ BODY_TIMEOUT: '30' });
  const head = rawHead(0).replace('content-length: 0', header);
  const pieceOf = (bytes: number) =>
    header.startsWith('content') ? 'x'.repeat(bytes) : `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
  const flood = await Promise.all(times(35, () => client(server, head, pieceOf(300_000))));
  const dripping = setInterval(() => {
    for (const raw of flood) raw.write(pieceOf(3_000));
  }, 50);
  try {
    for (let i = 0; i < 3; i++) {
      expect(await ask(server, 2 * MB)).toBe('NONE');
      await wait(100);
    }
  } finally {
    clearInterval(dripping);
  }
});

test.each([
  ['with a length', 'content-length: 2097152', 300_000, 3_000],
  ['in chunks', 'transfer-encoding: chunked', 300_000, 3_000],
  ['a byte at a time', 'content-length: 2097152', 1, 1],
])(
  'large calls are judged while sixty others burst, drip and come again: %s',
  async (_, header, burst, drip) => {
    // Nothing here is to hang on how busy the machine is
    const { server } = await serve({ BODY_TIMEOUT: '30' });
    const head = rawHead(0).replace('content-length: 0', header);
    const pieceOf = (bytes: number) =>
      header.startsWith('content') ? 'x'.repeat(bytes) : `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
    let isOver = false;
    const flood = times(60, async () => {
      while (!isOver) {
        const raw = await client(server, head, pieceOf(burst));
        for (let i = 0; i < 400 && !isOver; i++) {
          raw.write(pieceOf(drip));
          await wait(50);
        }
        raw.destroy();
      }
    });
    await wait(500);
    const actions = await Promise.all(times(3, () => ask(server, 2 * MB)));
    isOver = true;
    await Promise.all(flood);
    expect(actions).toEqual(['NONE', 'NONE', 'NONE']);
  },
);

test('forty bodies of the greatest size at once are all judged, each for its own words', async () => {
  const { server, refused } = await serve();
  const actions = await Promise.all(
    times(40, () => 0).map(async (_, i) => {
      const body = callOf(2 * MB, i % 2 === 0 ? SECRET : '');
      return actionOf(await client(server, rawHead(body.length), body));
    }),
  );
  expect(actions).toEqual(actions.map((_, i) => (i % 2 === 0 ? 'BLOCKED' : 'NONE')));
  expect(await refused('overloaded')).toBe(0);
});

test('a body in small pieces is read as it was sent', async () => {
  const { server } = await serve();
  const head = rawHead(0).replace('content-length: 0', 'transfer-encoding: chunked');
  const chunked = (body: string, size: number) =>
    `${(body.match(new RegExp(`.{1,${size}}`, 'gs')) ?? []).map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
  for (const size of [1, 20, 100, 5_000]) {
    const body = callOf(size === 1 ? 900 : 300_000, SECRET);
    expect(await actionOf(await client(server, head, chunked(body, size)))).toBe('BLOCKED');
    expect(await actionOf(await client(server, head, chunked(callOf(900), size)))).toBe('NONE');
  }
});

test('a small body is judged however it comes, and given up when it does not come or its sender leaves', async () => {
  const { server, refused } = await serve({ BODY_TIMEOUT: '5' });
  const body = callOf(40_000, SECRET);
  const pieces = body.match(/.{1,1000}/gs) ?? [];
  const [late, inPieces, silent, stopped, gone] = await Promise.all(
    times(5, () => client(server, rawHead(body.length))),
  );
  for (const piece of pieces) {
    inPieces?.write(piece);
    await wait(1);
  }
  stopped?.write(body.slice(0, 500));
  gone?.destroy();
  expect(await actionOf(inPieces!)).toBe('BLOCKED');
  while ((await refused('aborted')) === 0) await wait(20);
  expect(await refused('slow')).toBe(0);
  late?.write(body.slice(0, 20_000));
  await wait(100);
  late?.write(body.slice(20_000));
  expect(await actionOf(late!)).toBe('BLOCKED');
  for (const raw of [silent!, stopped!]) {
    expect(await actionOf(raw)).toBe('BLOCKED');
    await raw.closed;
  }
  expect(await refused('slow')).toBe(2);
});

test('a body of one byte a piece is refused and cut off, before its pieces fill the memory', async () => {
  const { server, refused } = await serve();
  const head = rawHead(0).replace('content-length: 0', 'transfer-encoding: chunked');
  const raw = await client(server, head, '1\r\nx\r\n'.repeat(100_000));
  expect(await actionOf(raw)).toBe('BLOCKED');
  await raw.closed;
  expect(await refused('too_large')).toBe(1);
});

test('after senders that send, stop, drip and leave as it comes, all of the room is free again', async () => {
  const { server, refused } = await serve({ BODY_TIMEOUT: '2' });
  const random = randomFrom(7);
  const send = async () => {
    const bytes = Math.floor(random() * random() * 2.2 * MB) + 50;
    const body = callOf(bytes);
    const isChunked = random() < 0.3;
    const raw = await client(
      server,
      isChunked ? rawHead(0).replace('content-length: 0', 'transfer-encoding: chunked') : rawHead(bytes),
    );
    const end = random() < 0.2 ? Math.floor(random() * bytes) : bytes;
    for (let at = 0; at < end; ) {
      const piece = body.slice(at, Math.min(end, at + Math.ceil(random() * random() * 400_000)));
      raw.write(isChunked ? `${piece.length.toString(16)}\r\n${piece}\r\n` : piece);
      at += piece.length;
      if (random() < 0.2) await wait(random() * 100);
    }
    if (isChunked && end === bytes) raw.write('0\r\n\r\n');
    if (random() < 0.15) return raw.destroy();
    if (end < bytes && random() < 0.5) return raw.destroy();
    expect(['NONE', 'BLOCKED']).toContain(await actionOf(raw));
  };
  await Promise.all(times(80, send));
  while ((await refused('aborted')) === 0) await wait(5);
  const sizes = times(8, () => 2 * MB - 1);
  const overloaded = await refused('overloaded');
  expect(await Promise.all(sizes.map((bytes) => ask(server, bytes)))).toEqual(sizes.map(() => 'NONE'));
  expect(await refused('overloaded')).toBe(overloaded);
});
