import type { Checker } from '../backends/backend.ts';
import { createHttp, type ForwardProxy } from '../backends/http.ts';
import { checkerOf } from '../backends/index.ts';
import { toFailure } from '../backends/to-failure.ts';
import { REDACTED, removeCredentials } from '../detectors/remove.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { fieldsOf, type GuardrailCall } from '../guardrail/call.ts';
import { CREDENTIAL_HEADER } from '../guardrail/caller.ts';
import { startDeadline } from '../guardrail/deadline.ts';
import { BackendError, type Failure } from '../guardrail/failure.ts';
import { oneLine } from '../guardrail/one-line.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import { newTextsOf } from '../pipeline/new-texts.ts';

/** The result of asking: a verdict, or why there is none, and what the vendor said of it. */
export type Answer = (
  | { readonly verdict: Verdict }
  | {
      readonly failure: Failure;
      /** Without credentials, and of any length. */
      readonly said: string;
    }
) & { readonly ms: number };

/** Most characters of what a vendor says. */
export const MAX_SAID = 300;

/** Asks one backend about one call, by itself: without policies, breaker and fallback. @throws nothing */
export async function askBackend(
  backend: BackendConfig,
  call: GuardrailCall,
  proxy: ForwardProxy | undefined,
  checker: Checker = checkerOf(backend),
): Promise<Answer> {
  const { timeoutMs } = backend;
  const http = createHttp({ proxy });
  http.open();
  const startedAt = performance.now();
  const deadline = startDeadline(timeoutMs);
  const ms = () => Math.round(performance.now() - startedAt);
  try {
    const context = { http, deadline, request: () => undefined, texts: newTextsOf(call) };
    const verdict = await deadline.limit(checker.check(call, context));
    return { verdict, ms: ms() };
  } catch (error) {
    const failure: Failure = deadline.isOver() ? { kind: 'timeout', afterMs: timeoutMs } : toFailure(error);
    const words = error instanceof BackendError ? (error.refusal.reply ?? '') : '';
    const said = secretsIn(backend.options).reduce(
      (left, secret) => left.replaceAll(secret, REDACTED),
      removeCredentials(words),
    );
    return { failure, said, ms: ms() };
  } finally {
    deadline.clear();
    await http.close();
  }
}

/** Values that a configuration has under the name of a secret: some vendors echo it. */
function secretsIn(config: unknown): string[] {
  return Object.entries(fieldsOf(config)).flatMap(([key, value]) => {
    if (key === 'preset') return [];
    if (typeof value !== 'string') return secretsIn(value);
    return CREDENTIAL_HEADER.test(key) && value !== '' ? [value, value.replace(/^\w+ /, '')] : [];
  });
}

/** Why there is no verdict, and what to do. */
export function remedyOf(failure: Failure): string {
  return `${reasonOf(failure)}; ${adviceOn(failure)}`;
}

/** Why there is no verdict. */
export function reasonOf(failure: Failure): string {
  switch (failure.kind) {
    case 'timeout':
      return `no complete reply within ${failure.afterMs / 1000} s`;
    case 'unreachable':
      return `no connection (${failure.code})`;
    case 'tls':
      return `its certificate is not trusted (${failure.code})`;
    case 'unauthorized':
      return `it refuses the secret (HTTP ${failure.status})`;
    case 'http_status':
      return failure.status === 429 ? 'it is asked too often (HTTP 429)' : `HTTP ${failure.status}`;
    case 'not_json':
      return 'the reply is no JSON';
    case 'wrong_shape':
      return `the reply does not have the form of this kind, at ${oneLine(failure.field, 64)}`;
    case 'oversize':
      return 'the reply is too large';
    case 'no_verdict':
      return 'the vendor replies that it could not judge';
    case 'loop':
      return 'it leads back to the bridge itself';
    case 'breaker_open':
    case 'cancelled':
      return failure.kind;
    case 'bug':
      return `a mistake of the bridge (${failure.error instanceof Error ? oneLine(failure.error.message, MAX_SAID) : 'unknown'})`;
  }
}

/** The remedy for a backend that gives no verdict; `url`, `secret` and `timeout` are keys of its entry. */
export function adviceOn(failure: Failure): string {
  switch (failure.kind) {
    case 'timeout':
      return 'raise timeout, or ask the vendor';
    case 'unreachable':
      return 'check url, the network, and HTTPS_PROXY';
    case 'tls':
      return 'check url, or set NODE_EXTRA_CA_CERTS';
    case 'unauthorized':
      return 'check secret';
    case 'http_status':
      return failure.status === 429 ? 'try again later' : 'check url and the options of the entry';
    case 'not_json':
    case 'oversize':
      return 'check that url is the API of this vendor';
    case 'wrong_shape':
      return 'check kind, url and options';
    case 'no_verdict':
      return 'ask the vendor';
    case 'loop':
      return 'check url';
    case 'breaker_open':
    case 'cancelled':
      return 'try again later';
    case 'bug':
      return 'report it';
  }
}
