import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BackendRow, KEY, PROMPT } from './backend-row.ts';
import { type Line, testBridge } from './bridge.ts';
import { selfSigned } from './certificate.ts';
import { type FakeBackend, type Reply, startFakeBackend } from './fake-backend.ts';

/** Begins every path at which a vendor is asked: part of an address, so a secret. */
export const TENANT = 'tenant-7f3a';

/** Seconds: never over, however busy the machine is. */
const LONG = 60;

/** How backends are set up: by the policy file, all in one bridge, or by the environment, each in a bridge of its own. */
export type SetUp = 'policy file' | 'environment';

/** One backend that is asked once. */
export type Place = {
  /** Kebab-case; unique on its stand. */
  readonly name: string;
  readonly fallback: string;
  readonly direction?: 'request' | 'response';
  /** Where it is asked instead of at the vendor of the stand. */
  readonly url?: string | undefined;
  readonly reply?: Reply | undefined;
  readonly timeout?: number | undefined;
};

/** The result of asking at a place. */
export type Asked = {
  readonly status: number;
  readonly reply: Record<string, unknown>;
  /** Of the log line `no verdict`. */
  readonly failure: { readonly kind: string } | undefined;
  readonly lines: readonly Line[];
  /** Samples of `/metrics` above zero that are about the backend. */
  readonly counts: readonly string[];
  /** Requests that the vendor saw. */
  readonly seen: FakeBackend['seen'];
};

/** A vendor of one kind, and a bridge that asks it at many places at once: each has a name, a breaker and a reply of its own. */
export class BackendStand {
  readonly #row: BackendRow;
  readonly #setUp: SetUp;
  readonly #folder = mkdtempSync(join(tmpdir(), 'contract-'));
  readonly #bridges: ReturnType<typeof testBridge>[] = [];
  readonly #vendor: FakeBackend;
  readonly #replies = new Map<string, Reply>();

  private constructor(row: BackendRow, setUp: SetUp, vendor: FakeBackend) {
    this.#row = row;
    this.#setUp = setUp;
    this.#vendor = vendor;
    vendor.reply = (request, response) => {
      const reply = row.beside?.(request) ?? this.#replies.get(placeOf(request.path));
      return (reply ?? row.allow)(request, response);
    };
  }

  static async open(row: BackendRow, setUp: SetUp): Promise<BackendStand> {
    return new BackendStand(row, setUp, await startFakeBackend());
  }

  /** Asks at all places at once. Called once. */
  async ask(places: readonly Place[]): Promise<ReadonlyMap<string, Asked>> {
    for (const { name, reply } of places) if (reply !== undefined) this.#replies.set(name, reply);
    const bridgeOf = this.#bridgeOf(places);
    const askAt = async (place: Place) => replies.set(place, await bridgeOf(place).ask(callAt(place)));
    const replies = new Map<Place, Pick<Asked, 'status' | 'reply'>>();
    await Promise.all(places.filter(({ timeout }) => timeout === undefined).map(askAt));
    // Their time is short, so nothing else shall take it
    await Promise.all(places.filter(({ timeout }) => timeout !== undefined).map(askAt));
    const metrics = new Map<ReturnType<typeof testBridge>, string[]>();
    for (const bridge of this.#bridges) metrics.set(bridge, await samples(bridge));
    const told = places.map((place): [string, Asked] => {
      const bridge = bridgeOf(place);
      const lines = bridge.lines.filter(({ litellm_call_id }) => litellm_call_id === place.name);
      const label = `backend="${this.#nameOf(place)}"`;
      return [
        place.name,
        {
          ...replies.get(place)!,
          lines,
          failure: lines.find(({ msg }) => msg === 'no verdict')?.failure as Asked['failure'],
          counts: metrics.get(bridge)?.filter((sample) => sample.includes(label)) ?? [],
          seen: this.#vendor.seen.filter(({ path }) => placeOf(path) === place.name),
        },
      ];
    });
    return new Map(told);
  }

  /** Asks one after the other at one place. Called once, instead of `ask`. */
  async askTimes(times: number, place: Place): Promise<readonly Record<string, unknown>[]> {
    if (place.reply !== undefined) this.#replies.set(place.name, place.reply);
    const bridge = this.#bridgeOf([place])(place);
    const replies: Record<string, unknown>[] = [];
    // A backend that reads texts is not asked about one again
    for (let i = 0; i < times; i++)
      replies.push((await bridge.ask(callAt(place, `call-${i}`, `${PROMPT} ${i}`))).reply);
    return replies;
  }

  /** All that the bridges said, logged and counted. */
  async everything(): Promise<string> {
    const texts = await Promise.all(
      this.#bridges.map(async (bridge) => [
        bridge.lines,
        await (await bridge.app.request('/metrics')).text(),
      ]),
    );
    return JSON.stringify(texts);
  }

  async close(): Promise<void> {
    await Promise.all(this.#bridges.map((bridge) => bridge.close()));
    await this.#vendor.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #nameOf({ name }: Place): string {
    return this.#setUp === 'environment' ? this.#row.kind : name;
  }

  #urlOf({ name, url = this.#vendor.url }: Place): string {
    return `${url}/${TENANT}/${name}`;
  }

  #bridgeOf(places: readonly Place[]): (place: Place) => ReturnType<typeof testBridge> {
    if (this.#setUp === 'policy file') {
      const bridge = this.#start({ POLICY_FILE: this.#policyFile(places), CONTRACT_KEY: keyOf(this.#row) });
      return () => bridge;
    }
    const prefix = this.#row.kind.toUpperCase();
    const bridges = new Map(
      places.map((place) => [
        place,
        this.#start({
          ...this.#row.environment?.(this.#urlOf(place)),
          [`${prefix}_UNREACHABLE_FALLBACK`]: place.fallback,
          [`${prefix}_GUARDRAIL_TIMEOUT`]: String(place.timeout ?? LONG),
        }),
      ]),
    );
    return (place) => bridges.get(place)!;
  }

  #start(env: Record<string, string>): ReturnType<typeof testBridge> {
    const bridge = testBridge({ LOG_LEVEL: 'trace', ...env });
    this.#bridges.push(bridge);
    return bridge;
  }

  #policyFile(places: readonly Place[]): string {
    const { kind, options, secret } = this.#row;
    const backends = places.map((place) => {
      const url = this.#urlOf(place);
      return {
        ...{
          name: place.name,
          kind,
          url,
          unreachable_fallback: place.fallback,
          timeout: place.timeout ?? 20,
        },
        ...(secret !== false && { secret: { env: 'CONTRACT_KEY' } }),
        ...options?.(url),
      };
    });
    const rules = places.map(({ name }) => ({ name, match: { team: name }, backends: [name] }));
    const file = join(this.#folder, 'policy.yaml');
    writeFileSync(file, JSON.stringify({ policies: { chain: [] }, backends, rules }));
    return file;
  }
}

function keyOf({ secret }: BackendRow): string {
  return typeof secret === 'string' ? secret : KEY;
}

function placeOf(path: string): string {
  return path.split('/')[2] ?? '';
}

/** A call of the team that a place is for. */
function callAt({ name, direction = 'request' }: Place, id = name, text = PROMPT): object {
  return {
    ...{ input_type: direction, litellm_call_id: id, texts: [text], model: 'house-model' },
    ...(direction === 'request' && { structured_messages: [{ role: 'user', content: text }] }),
    request_data: { user_api_key_team_id: name },
    // A LiteLLM that delivers redactions of responses
    ...{ litellm_version: '1.110.2', additional_provider_specific_params: { stream: false } },
  };
}

async function samples(bridge: ReturnType<typeof testBridge>): Promise<string[]> {
  const text = await (await bridge.app.request('/metrics')).text();
  return text.split('\n').filter((line) => !line.startsWith('#') && !line.endsWith(' 0'));
}

/** Addresses at which no vendor answers. */
export type DeadEnds = {
  readonly refused: string;
  readonly unresolved: string;
  readonly 'not-tls': string;
  readonly untrusted: string;
  readonly mute: string;
  /** Number of requests that came through all the same. */
  requests(): number;
  close(): Promise<void>;
};

export async function openDeadEnds(): Promise<DeadEnds> {
  let requests = 0;
  const gone = await startFakeBackend();
  await gone.close();
  const plain = await startFakeBackend();
  const untrusted = https.createServer(selfSigned(), () => requests++).listen(0, '127.0.0.1');
  const mute = net.createServer().listen(0, '127.0.0.1');
  const sockets = new Set<net.Socket>();
  mute.on('connection', (socket) => sockets.add(socket));
  await Promise.all([once(untrusted, 'listening'), once(mute, 'listening')]);
  const port = (server: net.Server) => (server.address() as AddressInfo).port;
  return {
    refused: gone.url,
    unresolved: 'http://vendor.invalid',
    'not-tls': plain.url.replace('http:', 'https:'),
    untrusted: `https://localhost:${port(untrusted)}`,
    mute: `https://127.0.0.1:${port(mute)}`,
    requests: () => requests + plain.seen.length,
    async close() {
      await plain.close();
      untrusted.closeAllConnections();
      untrusted.close();
      for (const socket of sockets) socket.destroy();
      mute.close();
    },
  };
}
