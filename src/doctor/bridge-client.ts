import * as v from 'valibot';
import { toFailure } from '../backends/to-failure.ts';
import { type BridgeFinding, FINDING_CODES } from '../findings/finding.ts';
import { fieldsOf } from '../guardrail/call.ts';
import type { CanaryReply } from '../http/canary.ts';

/** Long for anything that the bridge tells of itself. */
const TIMEOUT_MS = 10_000;

const Ready = v.object({
  status: v.string(),
  unhappy: v.array(v.string()),
  outbox: v.optional(v.object({ held: v.optional(v.array(v.string()), []) })),
  findings: v.optional(
    v.array(v.looseObject({ code: v.string(), message: v.string(), advice: v.string() })),
    [],
  ),
});

/** A finding of which only a later release knows the code. */
function known(finding: v.InferOutput<typeof Ready>['findings'][number]): BridgeFinding {
  const code = FINDING_CODES.find((one) => one === finding.code);
  if (code !== undefined) return { ...finding, code };
  return { ...finding, code: 'bridge_degraded', message: `${finding.code}: ${finding.message}` };
}

/** `/readyz` as far as the doctor reads it. */
export type Readiness = {
  readonly status: string;
  readonly unhappy: readonly string[];
  readonly findings: readonly BridgeFinding[];
  /** Backends whose records wait, as they refuse our token; undefined where no records are kept. */
  readonly outbox?: { readonly held: readonly string[] } | undefined;
};

/** Requests that the bridge refused since its start. */
export type RefusedCounts = {
  /** Guardrail calls for their key. */
  readonly callKeys: number;
  /** Posts of log events for their key. */
  readonly logKeys: number;
  /** Requests to an address that the bridge does not have, or with a method that it does not take. */
  readonly addresses: number;
  /** Requests of senders that are not in `ALLOWED_IPS`. */
  readonly senders: number;
};

/** Why it says nothing of calls of the doctor: it does not take our key, or our address, or nobody knows the path. */
export type NoCanaryReply = 'refused' | 'address' | 'unknown';

/** Advice about a reply that is not what a bridge says. */
type Remedy = { readonly code: 'bridge_unreachable' | 'bridge_key_wrong'; readonly advice: string };

/** A reply that is not what a bridge says: its sentence is for an operator. */
export class NoBridgeError extends Error {
  override readonly name = 'NoBridgeError';
  /** Undefined where it depends on who asked. */
  readonly remedy: Remedy | undefined;

  constructor(message: string, remedy?: Remedy) {
    super(message);
    this.remedy = remedy;
  }
}

/** An address of a bridge, and a key for it. */
export type BridgePlace = { readonly url: string; readonly key: string | undefined };

/** A bridge that runs somewhere. Its methods throw `NoBridgeError`. */
export class BridgeClient {
  readonly url: string;
  /** Where readiness and metrics stand; undefined if that is beside guardrail calls. */
  readonly ops: string | undefined;
  readonly #calls: BridgePlace;
  readonly #ops: BridgePlace;
  readonly #timeoutMs: number;

  /**
   * @param calls where guardrail calls go, with one of its `BRIDGE_API_KEYS`
   * @param ops where readiness and metrics stand, with one of its `OPS_API_KEYS`; undefined if that is the same place
   */
  constructor(calls: BridgePlace, ops?: BridgePlace, timeoutMs = TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs;
    this.#calls = trimmed(calls);
    this.#ops = trimmed(ops ?? calls);
    this.url = this.#calls.url;
    this.ops = ops && this.#ops.url;
  }

  async readiness(): Promise<Readiness> {
    const { url } = this.#ops;
    const { status, body } = await this.#get('/readyz', this.#ops);
    const read = v.safeParse(Ready, parsed(body));
    if (read.success && (status === 200 || status === 503))
      return { ...read.output, findings: read.output.findings.map(known) };
    if (status === 401 || status === 429) {
      const advice = 'give the doctor the OPS_API_KEYS of that bridge in its environment';
      throw new NoBridgeError(`the bridge at ${url} does not take the key of the doctor for /readyz`, {
        ...{ code: 'bridge_key_wrong', advice },
      });
    }
    if (status === 404 && body.includes('OPS_PORT')) {
      const advice =
        'set OPS_PORT and OPS_API_KEYS for the doctor as that bridge has them, and --ops if its address is another one';
      throw new NoBridgeError(`the bridge at ${url} has /readyz at its OPS_PORT, and not here`, {
        ...{ code: 'bridge_unreachable', advice },
      });
    }
    throw new NoBridgeError(`what answers at ${url} is no bridge (HTTP ${status} for /readyz)`);
  }

  /** None, where they cannot be read at a place of their own. */
  async refusals(): Promise<RefusedCounts> {
    const { body } = await this.#get('/metrics', this.#ops).catch((error: unknown) => {
      if (this.ops === undefined || !(error instanceof NoBridgeError)) throw error;
      return { body: '' };
    });
    const count = (sample: string) => Number(new RegExp(`^${sample} (\\d+)$`, 'm').exec(body)?.[1] ?? 0);
    const rejected = (reason: string) => count(`guardrail_bridge_rejected_total\\{reason="${reason}"\\}`);
    return {
      callKeys: rejected('unauthorized'),
      logKeys: count('guardrail_bridge_log_posts_total\\{result="unauthorized"\\}'),
      addresses: rejected('not_found') + rejected('method'),
      senders: rejected('address'),
    };
  }

  /** Its sights of a call of the doctor. */
  async canary(id: string): Promise<CanaryReply | NoCanaryReply> {
    const { status, body } = await this.#get(`/v1/canaries/${id}`, this.#calls);
    const reply = parsed(body);
    if (status === 200 && Array.isArray(fieldsOf(reply).seen)) return reply as CanaryReply;
    if (status === 403) return 'address';
    return status === 401 ? 'refused' : 'unknown';
  }

  async #get(path: string, { url, key }: BridgePlace): Promise<{ status: number; body: string }> {
    try {
      const headers: Record<string, string> = key === undefined ? {} : { 'x-api-key': key };
      const signal = AbortSignal.timeout(this.#timeoutMs);
      const response = await fetch(url + path, { headers, signal, redirect: 'manual' });
      return { status: response.status, body: await response.text() };
    } catch (error) {
      throw new NoBridgeError(`no bridge answers at ${url} (${connectionCode(error)})`);
    }
  }
}

const trimmed = ({ url, key }: BridgePlace): BridgePlace => ({ url: url.replace(/\/+$/, ''), key });

/** A word for why nothing answered. */
export function connectionCode(error: unknown): string {
  const failure = toFailure(error);
  if ('code' in failure) return failure.code;
  // fetch refuses some ports
  const { cause } = error as Error;
  return failure.kind === 'bug' && cause instanceof Error ? cause.message : failure.kind;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
