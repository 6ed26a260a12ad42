import { text as textOfStream } from 'node:stream/consumers';
import type { Checker } from '../backends/backend.ts';
import { createHttp } from '../backends/http.ts';
import { backends, checkerOf } from '../backends/index.ts';
import { toFailure } from '../backends/to-failure.ts';
import { policiesOf } from '../calls/policies.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { REDACTED, removeCredentials } from '../detectors/remove.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { fieldsOf, type GuardrailCall } from '../guardrail/call.ts';
import { CREDENTIAL_HEADER } from '../guardrail/caller.ts';
import { startDeadline } from '../guardrail/deadline.ts';
import { BackendError, type Failure } from '../guardrail/failure.ts';
import { withTexts } from '../guardrail/passages.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import { newTextsOf } from '../pipeline/new-texts.ts';
import { unknownName } from '../policies/file/nearest.ts';
import { callsOf } from './golden-calls.ts';
import { inputOf } from './golden-cases.ts';
import { oneLine, printableJson } from './output.ts';

import type { Terminal } from './terminal.ts';

export type TestOptions = { policy?: string; response?: boolean; json?: boolean };

/** The result of asking: a verdict, or why there is none, and what the vendor said of it. */
type Answer = ({ readonly verdict: Verdict } | { readonly failure: Failure; readonly said: string }) & {
  readonly ms: number;
};

/** Most characters of what a vendor says. */
const MAX_SAID = 300;

/** Asks one backend of the configuration about one text, and prints what came of it. @throws Error that an operator can read */
export async function askBackend(
  name: string,
  text: string,
  { policy, response = false, json = false }: TestOptions,
  terminal: Terminal,
): Promise<void> {
  const env = terminal.env();
  const config = parseConfig(policy === undefined ? env : { ...env, POLICY_FILE: policy }, backends);
  const backend = backendCalled(name, config);
  const content = text === '-' ? await textOfStream(terminal.in) : text;
  if (content.trim() === '') throw new Error('there is no text to ask about');
  const input = response ? { upstream_response: content } : { messages: [{ role: 'user', content }] };
  const call = callsOf(inputOf(input), 'backend-test').at(-1) as GuardrailCall;
  const checker = checkerOf(backend);
  if (!checker.judges[call.input_type]) throw new Error(`${name} judges no ${call.input_type}`);
  const answer = await ask(checker, backend.timeoutMs, call, config.proxy, secretsIn(backend.options));
  if ('verdict' in answer && answer.verdict.kind === 'allow' && answer.verdict.unasked)
    throw new Error(`${name} was not asked: there is nothing in the text that it judges`);
  if ('failure' in answer) terminal.exitCode = 1;
  if (json) terminal.out.write(`${printableJson(jsonOf(name, answer, call))}\n`);
  else if ('failure' in answer) terminal.err.write(`${failureText(name, answer)}\n`);
  else terminal.out.write(`${verdictText(name, answer, call)}\n`);
}

function backendCalled(name: string, config: Config): BackendConfig {
  const all = [...config.backends, ...(policiesOf(config)?.file.backends ?? [])];
  const names = all.map((backend) => backend.name);
  const backend = all.find((one) => one.name === name);
  if (backend !== undefined) return backend;
  if (names.length === 0)
    throw new Error('no backend is configured; set POLICY_FILE, or write --policy FILE');
  throw new Error(`${unknownName(name, 'is no backend', names)}; there are ${names.join(', ')}`);
}

/** Values that a configuration has under the name of a secret: some vendors echo it. */
function secretsIn(config: unknown): string[] {
  return Object.entries(fieldsOf(config)).flatMap(([key, value]) => {
    if (key === 'preset') return [];
    if (typeof value !== 'string') return secretsIn(value);
    return CREDENTIAL_HEADER.test(key) && value !== '' ? [value, value.replace(/^\w+ /, '')] : [];
  });
}

async function ask(
  checker: Checker,
  timeoutMs: number,
  call: GuardrailCall,
  proxy: Config['proxy'],
  secrets: readonly string[],
): Promise<Answer> {
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
    const said = secrets.reduce(
      (left, secret) => left.replaceAll(secret, REDACTED),
      removeCredentials(words),
    );
    return { failure, said, ms: ms() };
  } finally {
    deadline.clear();
    await http.close();
  }
}

/** The text as a verdict leaves it; null where the vendor does not tell, or redacts nothing. */
function redacted(verdict: Verdict, call: GuardrailCall): string | null {
  if (verdict.kind !== 'modify' || verdict.texts === null) return null;
  return withTexts(call, verdict.texts).texts.join('\n');
}

function verdictText(
  name: string,
  { verdict, ms }: Answer & { verdict: Verdict },
  call: GuardrailCall,
): string {
  switch (verdict.kind) {
    case 'allow': {
      const flagged =
        verdict.flagged === undefined ? '' : `, and reports ${oneLine(verdict.flagged, MAX_SAID)}`;
      return `allow by ${name} (${ms} ms)${flagged}`;
    }
    case 'block': {
      const { reason, categories = [] } = verdict;
      const named = categories.length === 0 ? '' : ` (${oneLine(categories.join(', '), MAX_SAID)})`;
      return `block by ${name} (${ms} ms): ${oneLine(reason, MAX_SAID)}${named}`;
    }
    case 'modify': {
      const text = redacted(verdict, call);
      return text === null
        ? `block by ${name} (${ms} ms): it redacts what cannot be found in the text`
        : `redact by ${name} (${ms} ms)\n${text}`;
    }
  }
}

function failureText(
  name: string,
  { failure, said, ms }: Answer & { failure: Failure; said: string },
): string {
  const words = said === '' ? '' : `\nThe vendor says: ${oneLine(said, MAX_SAID)}`;
  return `no verdict of ${name} (${ms} ms): ${remedyOf(failure)}${words}`;
}

/** Why there is no verdict, and what to do. */
function remedyOf(failure: Failure): string {
  switch (failure.kind) {
    case 'timeout':
      return `no complete reply within ${failure.afterMs / 1000} s; raise timeout, or ask the vendor`;
    case 'unreachable':
      return `no connection (${failure.code}); check url, the network, and HTTPS_PROXY`;
    case 'tls':
      return `its certificate is not trusted (${failure.code}); check url, or set NODE_EXTRA_CA_CERTS`;
    case 'unauthorized':
      return `it refuses the secret (HTTP ${failure.status}); check secret`;
    case 'http_status':
      return failure.status === 429
        ? 'it is asked too often (HTTP 429); try again later'
        : `HTTP ${failure.status}; check url and the options of the entry`;
    case 'not_json':
      return 'the reply is no JSON; check that url is the API of this vendor';
    case 'wrong_shape':
      return `the reply does not have the form of this kind, at ${oneLine(failure.field, 64)}; check kind, url and options`;
    case 'oversize':
      return 'the reply is too large; check that url is the API of this vendor';
    case 'no_verdict':
      return 'the vendor replies that it could not judge; ask the vendor';
    case 'loop':
      return 'it leads back to the bridge itself; check url';
    case 'breaker_open':
    case 'cancelled':
      return failure.kind;
    case 'bug':
      return `a mistake of the bridge (${failure.error instanceof Error ? oneLine(failure.error.message, MAX_SAID) : 'unknown'})`;
  }
}

function jsonOf(name: string, answer: Answer, call: GuardrailCall) {
  const nothing = { reason: null, categories: [], text: null, failure: null };
  if ('failure' in answer) {
    const { error: _, ...failure } = { error: undefined, ...answer.failure };
    return { backend: name, verdict: null, ...nothing, failure, ms: answer.ms };
  }
  const { verdict, ms } = answer;
  const word = verdict.kind === 'modify' ? 'redact' : verdict.kind;
  const block = verdict.kind === 'block' && { reason: verdict.reason, categories: verdict.categories ?? [] };
  return { backend: name, verdict: word, ...nothing, ...block, text: redacted(verdict, call), ms };
}
