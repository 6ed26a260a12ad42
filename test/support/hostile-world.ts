import { Pool } from 'undici';
import { type ServingChild, startServing } from './child.ts';
import { CANARY, type Sending, sendingsOf } from './hostile-calls.ts';
import { type Json, smallestThat, textOf } from './hostile-json.ts';
import { type Conduct, type HostileVendors, startHostileVendors } from './hostile-vendors.ts';
import { metric } from './listen.ts';
import { LOGS, until } from './recording-bridge.ts';

export type WorldOptions = {
  readonly env: Readonly<Record<string, string>>;
  /** Without one, no vendor is asked. */
  readonly vendors?: Conduct;
  /** Keeps records in this folder, and is sent log events. */
  readonly folder?: string;
  /** Actions that calls may get; all three if left out. `DEFERRED` is a 503. */
  readonly actions?: readonly string[];
  /** True if the same body may get another verdict the second time, as limits and memories have it. */
  readonly remembers?: boolean;
};

export type Tally = { readonly sent: number; readonly actions: Readonly<Record<string, number>> };

const AT_ONCE = 16;
/** A part of what is sent is sent twice, before another part its sender hangs up the first time. */
const REPEATED_EVERY = 10;
const LEFT_EVERY = 25;
const ACTIONS = ['NONE', 'BLOCKED', 'GUARDRAIL_INTERVENED'];
const MISTAKES =
  /^(?:uncaught error|cannot judge|route failed|telemetry failed|the (?:telemetry thread|thread of large calls) .*)$/;
/** Fields of a log line that a client chooses, or that name what an operator configured. */
const IDS = ['litellm_call_id', 'key', 'team'];

type Reply = { readonly status: number; readonly text: string };

/** A process of the bridge that hostile calls are sent to. */
export class HostileWorld {
  readonly #options: WorldOptions;
  readonly #vendors: HostileVendors | undefined;
  readonly #child: ServingChild;
  readonly #pool: Pool;
  readonly #actions: Record<string, number> = {};
  /** Calls of which one event was taken as a new record. */
  readonly #taken: string[] = [];
  #sent = 0;

  static async open(options: WorldOptions): Promise<HostileWorld> {
    const vendors = options.vendors && (await startHostileVendors(options.vendors));
    const child = await startServing(
      {
        ...(vendors && {
          AKTO_GUARDRAIL_API_BASE: vendors.akto,
          AKTO_API_KEY: 'akto-key',
          CAPSULE_LITELLM_ENDPOINT: `${vendors.capsule}/v1/litellm/hooks`,
          CAPSULE_LITELLM_TOKEN: 'capsule-token',
        }),
        ...timeouts(options),
        ...(options.folder !== undefined && { DATA_DIR: options.folder, FAILURE_GRACE_SECONDS: '0.05' }),
        ...options.env,
      },
      { limitMs: 20 * 60_000 },
    );
    return new HostileWorld(options, vendors, child);
  }

  private constructor(options: WorldOptions, vendors: HostileVendors | undefined, child: ServingChild) {
    this.#options = options;
    this.#vendors = vendors;
    this.#child = child;
    this.#pool = new Pool(child.url, { connections: AT_ONCE, headersTimeout: 60_000 });
  }

  get child(): ServingChild {
    return this.#child;
  }

  /** Sends at least so many requests. @throws Error with the seed and a small body if one goes wrong */
  async send(seed: number, count: number): Promise<void> {
    const end = this.#sent + count;
    let number = 0;
    const clients = Array.from({ length: AT_ONCE }, async () => {
      while (this.#sent < end) await this.#session(seed, number++);
    });
    await Promise.all(clients);
  }

  async #session(seed: number, number: number): Promise<void> {
    for (const [i, sending] of sendingsOf(seed, number, this.#options.folder !== undefined).entries()) {
      if ((number + i) % LEFT_EVERY === 0) await this.#leave(sending, number % 10);
      const problem = await this.#try(sending, (number + i) % REPEATED_EVERY === 0);
      if (problem === undefined) continue;
      const body = await this.#smallest(sending, problem);
      throw new Error(`${problem} (seed ${seed}, request ${number}, ${i + 1}. sending) for ${body}`);
    }
  }

  /** What is wrong about the reply; undefined if nothing is. */
  async #try(sending: Sending, isRepeated: boolean): Promise<string | undefined> {
    const reply = await this.#post(sending);
    if (typeof reply === 'string') return reply;
    if (sending.kind === 'events') return this.#eventsProblem(sending, reply);
    const problem = this.#callProblem(sending, reply);
    if (problem !== undefined || !isRepeated || this.#options.remembers) return problem;
    const again = await this.#post(sending);
    if (typeof again === 'string') return again;
    return withoutRef(again.text) === withoutRef(reply.text) ? undefined : `another verdict: ${again.text}`;
  }

  /** Sends it and hangs up. */
  async #leave(sending: Sending, afterMs: number): Promise<void> {
    const signal = AbortSignal.timeout(afterMs);
    await this.#request(sending, signal)
      .then((response) => response.body.dump())
      .catch(() => {});
  }

  #request({ kind, headers, body }: Sending, signal?: AbortSignal) {
    this.#sent++;
    const path = kind === 'call' ? '/beta/litellm_basic_guardrail_api' : LOGS;
    const type = { 'content-type': 'application/json', ...headers };
    return this.#pool.request({ path, method: 'POST', headers: type, body, ...(signal && { signal }) });
  }

  async #post(sending: Sending): Promise<Reply | string> {
    try {
      const response = await this.#request(sending);
      return { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return `no reply (${code ?? message})`;
    }
  }

  #callProblem({ body, headers }: Sending, { status, text }: Reply): string | undefined {
    const { actions = ACTIONS } = this.#options;
    const reply = parsed(text);
    const action = status === 503 ? 'DEFERRED' : String(reply?.action);
    this.#actions[action] = (this.#actions[action] ?? 0) + 1;
    const isUnread = reply?.error !== undefined && action === 'BLOCKED';
    if (isUnread) this.#actions.UNREAD = (this.#actions.UNREAD ?? 0) + 1;
    if (status !== 200 && action !== 'DEFERRED') return `status ${status}: ${text}`;
    if (!actions.includes(action)) return `action ${action}`;
    if (action === 'DEFERRED') return undefined;
    const isPlain = headers['content-encoding'] === undefined;
    return replyProblem(reply, isPlain ? parsed(body.toString()) : undefined);
  }

  #eventsProblem({ eventOf }: Sending, { status, text }: Reply): string | undefined {
    const reply = parsed(text);
    if (status === 400 && /"type":"(?:invalid|not_gzip)"/.test(text)) return undefined;
    if (status === 415 && text.includes('content_encoding')) return undefined;
    if (status !== 200 || reply === undefined) return `status ${status}: ${text}`;
    const { new: created, ...others } = reply as Record<string, number>;
    if (Object.values(reply).some((rows) => !Number.isInteger(rows))) return `a receipt of ${text}`;
    const isAlone = created === 1 && Object.values(others).every((rows) => rows === 0);
    if (isAlone && eventOf !== undefined) this.#taken.push(eventOf);
    return undefined;
  }

  async #smallest({ tree, ...sending }: Sending, problem: string): Promise<string> {
    const kindOf = (text: string) => text.slice(0, 12);
    const fails = async (candidate: Json) => {
      const body = Buffer.from(textOf(candidate));
      const found = await this.#try({ ...sending, body, tree: candidate }, problem.startsWith('another'));
      return found !== undefined && kindOf(found) === kindOf(problem);
    };
    const isGone = problem.startsWith('no reply');
    const whole = `${JSON.stringify(sending.headers)} ${JSON.stringify(sending.body.toString('latin1'))}`;
    if (tree === undefined || isGone || !(await fails(tree))) return whole;
    return textOf(await smallestThat(tree, fails));
  }

  /** Ends the process, and looks at all that it said. @throws Error that names what is wrong */
  async close(): Promise<Tally> {
    const problems: string[] = [];
    const child = this.#child;
    try {
      const metrics = await this.#metrics();
      if (this.#options.folder !== undefined) problems.push(...(await this.#recordsProblems()));
      problems.push(...metricsProblems(metrics));
      child.send('SIGTERM');
      const { code, signal } = await child.exit;
      if (code !== 0) problems.push(`the process ended with ${code ?? signal}`);
      problems.push(...logProblems(child.stdout()));
      if (child.stderr() !== '') problems.push(`standard error: ${child.stderr().slice(0, 2000)}`);
    } finally {
      await this.stop();
    }
    if (problems.length > 0) throw new Error(problems.slice(0, 20).join('\n'));
    return { sent: this.#sent, actions: this.#actions };
  }

  async stop(): Promise<void> {
    await this.#pool.destroy();
    await this.#child.stop();
    await this.#vendors?.close();
  }

  async #metrics(): Promise<string> {
    return (await (await this.#pool.request({ path: '/metrics', method: 'GET' })).body.text()).toString();
  }

  /** Waits until all records are delivered, and compares them with the events that were taken. */
  async #recordsProblems(): Promise<string[]> {
    const left = async () => {
      const text = await this.#metrics();
      const of = (backend: string) => metric(text, 'telemetry_backlog_records', { backend });
      return of('akto') + of('capsule');
    };
    await until(async () => (await left()) === 0);
    const { recorded = [] } = this.#vendors ?? {};
    // Others may send the same event under a shared id, for another trace
    const own = recorded.filter(({ litellm_call_id: id }) => id?.startsWith('call-'));
    const numberOf = Map.groupBy(own, ({ record_id }) => record_id);
    const events = Map.groupBy(
      recorded.filter(({ outcome }) => outcome !== 'blocked'),
      ({ litellm_call_id }) => litellm_call_id,
    );
    return [
      ...[...numberOf.values()].flatMap((tags) =>
        tags.length > 1 ? [`${tags.length} times: ${JSON.stringify(tags)}`] : [],
      ),
      ...this.#taken.flatMap((id) => {
        const { length } = events.get(id) ?? [];
        return length === 1 ? [] : [`${length} records of the event of ${id}`];
      }),
    ];
  }
}

/** A record waits as long for a late check as a check may take; without records nothing shall run out of time. */
function timeouts({ folder, vendors }: WorldOptions): Record<string, string> {
  const seconds = folder === undefined ? '60' : '1';
  const ofVendors = { AKTO_GUARDRAIL_TIMEOUT: seconds, CAPSULE_GUARDRAIL_TIMEOUT: seconds };
  return { GUARDRAIL_TIMEOUT: seconds, ...(vendors && ofVendors) };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The reference of a block is new each time. */
function withoutRef(text: string): string {
  return text.replace(/[0-9a-f]{16}/g, '');
}

/**
 * What LiteLLM could not use of a reply.
 *
 * @param sent the call, if it could be read
 * @see LiteLLM 1.110.2, `GenericGuardrailAPIResponse` in generic_guardrail_api.py
 */
function replyProblem(
  reply: Record<string, unknown> | undefined,
  sent: Record<string, unknown> | undefined,
): string | undefined {
  if (reply === undefined) return 'a reply that is no JSON';
  const { action, blocked_reason, texts, structured_messages: rows, stream_holdback_chars, error } = reply;
  const keys = Object.keys(reply).join();
  switch (action) {
    case 'NONE':
      if (!/^action(?:,stream_holdback_chars)?$/.test(keys)) return `NONE with ${keys}`;
      break;
    case 'BLOCKED': {
      if (typeof blocked_reason !== 'string' || blocked_reason === '') return 'BLOCKED without a reason';
      const { field, message } = (error ?? { field: '', message: '' }) as Record<string, unknown>;
      const isNamed = typeof field === 'string' && typeof message === 'string';
      return /^action,blocked_reason(?:,error)?$/.test(keys) && isNamed ? undefined : `BLOCKED with ${keys}`;
    }
    default:
      if (!/^action,(?:texts(?:,stream_holdback_chars)?|structured_messages)$/.test(keys))
        return `a redaction with ${keys}`;
  }
  const isText = (text: unknown) => typeof text === 'string';
  const isRow = (row: unknown) => isText((row as Record<string, unknown> | null)?.role);
  const isChars = (chars: unknown) => Number.isInteger(chars) && Number(chars) >= 0;
  for (const [list, name, isRight] of [
    [texts, 'texts', isText],
    [rows, 'structured_messages', isRow],
    [stream_holdback_chars, 'texts', isChars],
  ] as const) {
    if (list === undefined) continue;
    if (!Array.isArray(list) || !list.every(isRight)) return `unusable ${name}`;
    if (sent !== undefined && list.length !== ((sent[name] ?? []) as unknown[]).length) {
      return `another number of ${name}`;
    }
  }
  return undefined;
}

function metricsProblems(text: string): string[] {
  return text
    .split('\n')
    .filter((line) =>
      /^guardrail_bridge_(?:uncaught_errors_total|large_call_restarts_total|telemetry_restarts_total|telemetry_lost_total|telemetry_dead_total|telemetry_dropped_total|\w+_total\{[^}]*(?:kind|reason)="bug")/.test(
        line,
      ),
    )
    .filter((line) => !line.endsWith(' 0'));
}

function logProblems(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    const isSuspect = line.includes(CANARY) || line.includes('"kind":"bug"');
    if (!isSuspect && !/"level":"(?:error|fatal)"/.test(line)) return [];
    const fields = JSON.parse(line) as Record<string, unknown>;
    const isMistake = MISTAKES.test(String(fields.msg)) || line.includes('"kind":"bug"');
    for (const id of IDS) delete fields[id];
    return isMistake || JSON.stringify(fields).includes(CANARY) ? [line] : [];
  });
}
