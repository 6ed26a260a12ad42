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
};

/** Requests that the bridge refused since its start. */
export type RefusedCounts = {
  /** Guardrail calls for their key. */
  readonly callKeys: number;
  /** Posts of log events for their key. */
  readonly logKeys: number;
  /** Requests to an address that the bridge does not have, or with a method that it does not take. */
  readonly addresses: number;
};

/** Why it says nothing of calls of the doctor: it does not take our key, or nobody knows the path. */
export type NoCanaryReply = 'refused' | 'unknown';

/** A reply that is not what a bridge says: its sentence is for an operator. */
export class NoBridgeError extends Error {
  override readonly name = 'NoBridgeError';
}

/** A bridge that runs somewhere. Its methods throw `NoBridgeError`. */
export class BridgeClient {
  readonly url: string;
  readonly #key: string | undefined;

  /** @param key one of its `BRIDGE_API_KEYS` */
  constructor(url: string, key: string | undefined) {
    this.url = url.replace(/\/+$/, '');
    this.#key = key;
  }

  async readiness(): Promise<Readiness> {
    const { status, body } = await this.#get('/readyz');
    const read = v.safeParse(Ready, parsed(body));
    if (read.success && (status === 200 || status === 503))
      return { ...read.output, findings: read.output.findings.map(known) };
    throw new NoBridgeError(`what answers at ${this.url} is no bridge (HTTP ${status} for /readyz)`);
  }

  async refusals(): Promise<RefusedCounts> {
    const { body } = await this.#get('/metrics');
    const count = (sample: string) => Number(new RegExp(`^${sample} (\\d+)$`, 'm').exec(body)?.[1] ?? 0);
    const rejected = (reason: string) => count(`guardrail_bridge_rejected_total\\{reason="${reason}"\\}`);
    return {
      callKeys: rejected('unauthorized'),
      logKeys: count('guardrail_bridge_log_posts_total\\{result="unauthorized"\\}'),
      addresses: rejected('not_found') + rejected('method'),
    };
  }

  /** Its sights of a call of the doctor. */
  async canary(id: string): Promise<CanaryReply | NoCanaryReply> {
    const { status, body } = await this.#get(`/v1/canaries/${id}`);
    const reply = parsed(body);
    if (status === 200 && Array.isArray(fieldsOf(reply).seen)) return reply as CanaryReply;
    return status === 401 || status === 403 ? 'refused' : 'unknown';
  }

  async #get(path: string): Promise<{ status: number; body: string }> {
    try {
      const headers: Record<string, string> = this.#key === undefined ? {} : { 'x-api-key': this.#key };
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(this.url + path, { headers, signal, redirect: 'manual' });
      return { status: response.status, body: await response.text() };
    } catch (error) {
      throw new NoBridgeError(`no bridge answers at ${this.url} (${connectionCode(error)})`);
    }
  }
}

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
