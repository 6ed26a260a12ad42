import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { killAtExit } from '../litellm/children.ts';

export type Command = {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
};

/** The first start of some compiles for a quarter of a minute, on a machine with nothing else to do. */
const START_MS = 120_000;

/** A server in a process of its own, on one port for all its starts. */
export class Server {
  readonly url: string;
  readonly #command: Command;
  readonly #health: string;
  #child: ChildProcess | undefined;
  #forget = () => {};
  #said = '';

  private constructor(port: number, command: Command, health: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.#command = command;
    this.#health = health;
  }

  /** @param health path that is answered once the server can judge */
  static async start(command: (port: number) => Command, health: string): Promise<Server> {
    const port = await freePort();
    const server = new Server(port, command(port), health);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const { program, args, env, folder } = this.#command;
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#forget = killAtExit(() => child.kill('SIGKILL'));
    const keep = (piece: Buffer) => {
      this.#said = (this.#said + piece).slice(-2000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => keep(Buffer.from(error.message)));
    const until = performance.now() + START_MS;
    while (performance.now() < until) {
      if (child.exitCode !== null) break;
      if (await this.#answers()) return;
      await wait(100);
    }
    throw new Error(`${program} did not start: ${this.#said}`);
  }

  /** From then on it takes calls and answers none. */
  async freeze(): Promise<void> {
    this.#child?.kill('SIGSTOP');
    // The signal takes its time to reach every thread
    while (await this.#answers(AbortSignal.timeout(200))) await wait(20);
  }

  #answers(signal?: AbortSignal): Promise<boolean> {
    return fetch(this.url + this.#health, { signal: signal ?? null }).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    this.#forget();
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
