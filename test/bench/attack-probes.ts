/** Other clients, a process of its own: `/healthz` and a small guardrail call at a fixed rate, each measured from when it was due. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { chatBody, SERIAL } from './body.ts';

export type Waits = { readonly p50: number; readonly p99: number; readonly max: number };
/** Milliseconds of each, and how many were not answered as they have to be; of large calls how many of how many. */
export type Probed = {
  readonly healthz: Waits;
  readonly call: Waits;
  readonly failed: number;
  readonly large: { readonly asked: number; readonly failed: number };
};

const PER_SECOND = 50;
const CONNECTIONS = 16;
/** Who has no reply by then has failed. */
const PATIENCE_MS = 60_000;

const LARGE = chatBody(8 * 1_024 * 1_024);
const LARGE_EVERY_MS = 500;

type Probe = { readonly isExpected: (reply: string) => boolean; readonly request: () => string };

let serial = Date.now() % 1e6;
const CALL = `{"input_type":"request","litellm_call_id":"probe-${SERIAL}","litellm_version":"1.108.7","structured_messages":[{"role":"user","content":"hello ${SERIAL}"}],"texts":["hello ${SERIAL}"],"model":"house"}`;

const HEALTHZ: Probe = {
  isExpected: (reply) => reply.startsWith('HTTP/1.1 200 '),
  request: () => 'GET /healthz HTTP/1.1\r\nhost: bridge\r\n\r\n',
};
const SMALL_CALL: Probe = {
  isExpected: (reply) => reply.startsWith('HTTP/1.1 200 ') && reply.endsWith('{"action":"NONE"}'),
  request: () => {
    serial += 1;
    return post(CALL);
  },
};

/** A call of its own. */
function post(call: string): string {
  const body = call.replaceAll(SERIAL, String(serial).padStart(SERIAL.length, '0'));
  return `POST /beta/litellm_basic_guardrail_api HTTP/1.1\r\nhost: bridge\r\nx-api-key: bench-key\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect').catch(() => {});
  return socket;
}

/** Sends one probe again and again until it is stopped. */
class Probing {
  readonly #port: number;
  readonly #probe: Probe;
  readonly #idle: Socket[] = [];
  readonly #waits: number[] = [];
  readonly #pending = new Set<Promise<void>>();
  #failed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number, probe: Probe) {
    this.#port = port;
    this.#probe = probe;
  }

  async start(): Promise<void> {
    for (let i = 0; i < CONNECTIONS; i += 1) this.#idle.push(await openSocket(this.#port));
    const startedAt = performance.now();
    let issued = 0;
    const tick = () => {
      for (; startedAt + (issued * 1_000) / PER_SECOND <= performance.now(); issued += 1) {
        const asking = this.#ask(startedAt + (issued * 1_000) / PER_SECOND);
        this.#pending.add(asking);
        void asking.then(() => this.#pending.delete(asking));
      }
      this.#timer = setTimeout(tick, 1);
    };
    tick();
  }

  async stop(): Promise<{ waits: Waits; failed: number }> {
    clearTimeout(this.#timer);
    await Promise.all(this.#pending);
    for (const socket of this.#idle) socket.destroy();
    const waits = this.#waits.sort((a, b) => a - b);
    const at = (share: number) =>
      waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? Number.NaN;
    return { waits: { p50: at(0.5), p99: at(0.99), max: at(1) }, failed: this.#failed };
  }

  async #ask(due: number): Promise<void> {
    let socket = this.#idle.pop();
    while (socket?.destroyed) socket = this.#idle.pop();
    const connection = socket ?? (await openSocket(this.#port));
    const reply = await exchange(connection, this.#probe.request());
    this.#waits.push(performance.now() - due);
    if (!this.#probe.isExpected(reply)) this.#failed += 1;
    if (!connection.destroyed) this.#idle.push(connection);
  }
}

/** The whole reply; what came of it where the connection ends or it takes too long. */
function exchange(socket: Socket, request: string): Promise<string> {
  return new Promise((resolve) => {
    let reply = '';
    const end = () => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', end);
      resolve(reply);
    };
    const onData = (chunk: Buffer) => {
      reply += chunk.toString('latin1');
      const head = reply.indexOf('\r\n\r\n');
      const length = /\r\ncontent-length: *(\d+)/i.exec(reply.slice(0, Math.max(0, head)))?.[1];
      if (length !== undefined && reply.length >= head + 4 + Number(length)) end();
    };
    const timer = setTimeout(() => {
      socket.destroy();
      end();
    }, PATIENCE_MS);
    socket.on('data', onData).on('close', end);
    if (socket.destroyed) end();
    else socket.write(request);
  });
}

try {
  // It waits for the bridge, and not for the attackers on its own core
  setPriority(-10);
} catch {
  // Only root may
}

/** Large calls of somebody honest, one after the other. */
class LargeCalls {
  readonly #port: number;
  #asked = 0;
  #failed = 0;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(port: number) {
    this.#port = port;
    this.#done = this.#ask();
  }

  async stop(): Promise<Probed['large']> {
    this.#isOver = true;
    await this.#done;
    return { asked: this.#asked, failed: this.#failed };
  }

  async #ask(): Promise<void> {
    while (!this.#isOver) {
      const socket = await openSocket(this.#port);
      this.#asked += 1;
      if (!SMALL_CALL.isExpected(await exchange(socket, post(LARGE)))) this.#failed += 1;
      socket.destroy();
      await wait(LARGE_EVERY_MS);
    }
  }
}

let probing: readonly [Probing, Probing] | undefined;

let large: LargeCalls | undefined;

process.on('message', async (message: { port: number; large: boolean } | 'stop') => {
  if (message !== 'stop') {
    const { port } = message;
    probing = [new Probing(port, HEALTHZ), new Probing(port, SMALL_CALL)];
    await Promise.all(probing.map((one) => one.start()));
    large = message.large ? new LargeCalls(port) : undefined;
    process.send?.('started');
    return;
  }
  const [healthz, call] = await Promise.all((probing ?? []).map((one) => one.stop()));
  if (healthz === undefined || call === undefined) throw new Error('nothing was started');
  const probed: Probed = {
    healthz: healthz.waits,
    call: call.waits,
    failed: healthz.failed + call.failed,
    large: (await large?.stop()) ?? { asked: 0, failed: 0 },
  };
  process.send?.(probed);
});
