import type { Checker } from '../backends/backend.ts';
import { createHttp, type ForwardProxy } from '../backends/http.ts';
import { checkerOf } from '../backends/index.ts';
import { toFailure } from '../backends/to-failure.ts';
import type { BridgeFinding, FindingCode } from '../findings/finding.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { CANARY_TEXT, newCanaryId } from '../guardrail/canary.ts';
import type { Failure } from '../guardrail/failure.ts';
import { parseGuardrailCall } from '../litellm/request.ts';
import { adviceOn, askBackend, reasonOf } from './ask-backend.ts';
import type { Examined } from './check.ts';
import { routeText, timeRoute } from './route-times.ts';

/** Looks at one backend: the way to it, its credentials, and its verdict on a harmless text. */
export async function examineBackend(
  backend: BackendConfig,
  proxy: ForwardProxy | undefined,
): Promise<Examined> {
  const { name, url, timeoutMs } = backend;
  const startedAt = performance.now();
  const steps: string[] = [];
  const examined = (ok: boolean, findings: readonly BridgeFinding[] = []): Examined => {
    const text = `${name} at ${new URL(url).host}: ${steps.join(', ')}`;
    return {
      checks: [{ section: 'backends', ok, text, ms: Math.round(performance.now() - startedAt) }],
      findings,
    };
  };
  const failed = (failure: Failure) => {
    steps.push(reasonOf(failure));
    return examined(false, [findingOf(name, failure)]);
  };
  // A forward proxy finds the way by itself
  if (proxy === undefined) {
    try {
      steps.push(routeText(await timeRoute(url, timeoutMs)));
    } catch (error) {
      return failed(toFailure(error));
    }
  }
  const checker = checkerOf(backend);
  const call = harmlessCall(checker);
  if (call === undefined) {
    const failure = await reach(backend, proxy);
    if (failure !== undefined) return failed(failure);
    steps.push('answers; it judges no text, so its credentials were not tried');
    return examined(true);
  }
  const answer = await askBackend(backend, call, proxy, checker);
  steps.push(`check ${answer.ms} ms`);
  if ('failure' in answer) return failed(answer.failure);
  const { verdict } = answer;
  if (verdict.kind === 'allow' && verdict.unasked) {
    steps.pop();
    const failure = await reach(backend, proxy);
    if (failure !== undefined) return failed(failure);
    steps.push('answers; a harmless text holds nothing that it judges, so its credentials were not tried');
  } else steps.push(verdict.kind === 'modify' ? 'redact' : verdict.kind);
  return examined(true);
}

/** Undefined if anything answers. */
async function reach(
  { url, timeoutMs }: BackendConfig,
  proxy: ForwardProxy | undefined,
): Promise<Failure | undefined> {
  const http = createHttp({ proxy });
  try {
    await http.reach(url, timeoutMs);
    return undefined;
  } catch (error) {
    return toFailure(error);
  } finally {
    await http.close();
  }
}

/** A call about nothing, of the side that the backend judges; undefined if it judges neither. */
function harmlessCall({ judges }: Checker): GuardrailCall | undefined {
  if (!judges.request && !judges.response) return undefined;
  const id = newCanaryId();
  const common = { litellm_call_id: id, litellm_trace_id: id, texts: [CANARY_TEXT] };
  const message = { role: 'user', content: CANARY_TEXT };
  const body = judges.request
    ? { ...common, input_type: 'request', structured_messages: [message] }
    : { ...common, input_type: 'response' };
  const parsed = parseGuardrailCall(JSON.stringify(body));
  return 'call' in parsed ? parsed.call : undefined;
}

const UNREACHABLE: ReadonlySet<Failure['kind']> = new Set(['timeout', 'unreachable', 'tls']);

function codeOf({ kind }: Failure): FindingCode {
  if (kind === 'unauthorized') return 'backend_unauthorized';
  return UNREACHABLE.has(kind) ? 'backend_unreachable' : 'backend_failing';
}

function findingOf(name: string, failure: Failure): BridgeFinding {
  return {
    code: codeOf(failure),
    subject: name,
    message: `${name} gives no verdict: ${reasonOf(failure)}`,
    advice: `${adviceOn(failure)}; backend test ${name} "text" shows what it replies`,
  };
}
