import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import type { Log } from '../observability/log.ts';
import type { OPS_REFUSALS } from '../observability/metric-labels.ts';
import type { Metrics } from '../observability/metrics.ts';
import { RepeatedLines } from '../observability/repeated-lines.ts';
import { type KeyMatch, matches, matchHeaders } from './middleware/authenticate.ts';
import { WrongKeys } from './middleware/wrong-keys.ts';
import { trust } from './open-connections.ts';
import type { BridgeContext, BridgeEnv } from './refusal.ts';
import { newSession, SESSION_MS, sessionState } from './session.ts';

export type OpsRefusal = (typeof OPS_REFUSALS)[number];

/** Why somebody is not let in. */
export type KeyRefusal = Extract<OpsRefusal, 'no_key' | 'wrong_key' | 'crowded'>;

export type OpsKeysOptions = {
  /** None: nobody is asked for one. */
  readonly apiKeys: readonly string[];
  /** Name of the setting that they stand in. */
  readonly setting: 'BRIDGE_API_KEYS' | 'OPS_API_KEYS';
  readonly metrics: Pick<Metrics, 'ops_refused_total'>;
  readonly log: Pick<Log, 'warn'>;
  readonly wrongKeys?: WrongKeys;
};

/** The keys of those who operate the bridge: in a header, or in a cookie that the page has set for one. Wrong ones are slowed and counted. */
export class OpsKeys {
  readonly setting: OpsKeysOptions['setting'];
  readonly #keys: readonly string[];
  readonly #known: readonly Buffer[];
  readonly #metrics: OpsKeysOptions['metrics'];
  readonly #repeated: RepeatedLines;
  readonly #wrongKeys: WrongKeys;

  constructor({ apiKeys, setting, metrics, log, wrongKeys = new WrongKeys() }: OpsKeysOptions) {
    this.setting = setting;
    this.#keys = apiKeys;
    this.#known = apiKeys.map((key) => Buffer.from(key));
    this.#metrics = metrics;
    this.#repeated = new RepeatedLines(log);
    this.#wrongKeys = wrongKeys;
  }

  /** False where nobody is asked for a key. */
  get areAsked(): boolean {
    return this.#keys.length > 0;
  }

  /** Looks at the key of a request, or sees only that it has one. */
  #match(c: BridgeContext): KeyMatch {
    const areCompared = this.#areCompared(c);
    const byHeader = matchHeaders(areCompared ? this.#known : [], (name) => c.req.header(name));
    const cookie = byHeader === 'right' ? undefined : getCookie(c, cookieName(c));
    if (cookie === undefined) return byHeader;
    const state = sessionState(cookie, areCompared ? this.#keys : []);
    if (state === 'right') {
      c.set('hasSession', true);
      return 'right';
    }
    // A key could be guessed by tokens that are sealed with it, too
    return state === 'wrong' ? 'wrong' : byHeader;
  }

  /** Returns why a request does not come in, with the wait of a wrong key behind it; undefined if it does. */
  async refusalOf(c: BridgeContext, at: string): Promise<KeyRefusal | undefined> {
    if (!this.areAsked) return undefined;
    const match = this.#match(c);
    if (match === 'right') return this.#trust(c);
    return match === 'none' ? this.counted('no_key') : this.#slow(c, at);
  }

  /**
   * Lets in a browser that brings a key.
   *
   * @returns why not; undefined if its cookie is set
   */
  async open(c: BridgeContext, key: string): Promise<KeyRefusal | undefined> {
    if (key === '') return this.counted('no_key');
    if (!this.#areCompared(c) || !matches(this.#known, key)) return this.#slow(c, 'login');
    setCookie(c, cookieName(c), newSession(key), { ...cookieOptions(c), maxAge: SESSION_MS / 1000 });
    return this.#trust(c);
  }

  /** Takes its cookie from a browser. */
  close(c: BridgeContext): void {
    setCookie(c, cookieName(c), '', { ...cookieOptions(c), maxAge: 0 });
  }

  /** Lets a request pass that brings a key. */
  asked(at: string, refuse: (c: BridgeContext, reason: KeyRefusal) => Response | Promise<Response>) {
    const middleware: MiddlewareHandler<BridgeEnv> = async (c, next) => {
      const refusal = await this.refusalOf(c, at);
      return refusal === undefined ? next() : refuse(c, refusal);
    };
    return middleware;
  }

  /** Has no wrong key wait any more: the bridge is going. */
  stopWaiting(): void {
    this.#wrongKeys.close();
  }

  counted<Reason extends OpsRefusal>(reason: Reason): Reason {
    this.#metrics.ops_refused_total.inc({ reason });
    return reason;
  }

  #areCompared(c: BridgeContext): boolean {
    return this.#wrongKeys.areCompared(c.env?.incoming?.socket.remoteAddress);
  }

  #trust(c: BridgeContext): undefined {
    const socket = c.env?.incoming?.socket;
    if (socket === undefined) return;
    trust(socket);
    this.#wrongKeys.trust(socket.remoteAddress);
  }

  async #slow(c: BridgeContext, at: string): Promise<KeyRefusal> {
    this.#repeated.warn({ at, setting: this.setting }, {}, 'a wrong key was refused');
    const { incoming, outgoing } = c.env ?? {};
    const isSlowed = await this.#wrongKeys.slow(incoming?.socket.remoteAddress, (end) => {
      outgoing?.once('close', end);
    });
    // One that no key seals any more would be slowed each time
    if (getCookie(c, cookieName(c)) !== undefined) this.close(c);
    // It can try on over another connection, which costs it more
    if (!isSlowed) c.header('connection', 'close');
    return this.counted(isSlowed ? 'wrong_key' : 'crowded');
  }
}

/** Browsers send a cookie to every port of a host: bridges at several have one each. */
function cookieName(c: Context): string {
  const port = /:(\d{1,5})$/.exec(c.req.header('host') ?? '')?.[1];
  return port === undefined ? 'guardrail_bridge' : `guardrail_bridge_${port}`;
}

function cookieOptions(c: Context) {
  const isSecure = /^\s*https\s*(?:,|$)/i.test(c.req.header('x-forwarded-proto') ?? '');
  return { httpOnly: true, sameSite: 'Strict', path: '/', secure: isSecure } as const;
}
