import { text as textOfStream } from 'node:stream/consumers';
import { callsOf } from '../answers/golden-calls.ts';
import { inputOf } from '../answers/golden-cases.ts';
import { backends, checkerOf } from '../backends/index.ts';
import { policiesOf } from '../calls/policies.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { type Answer, askBackend, MAX_SAID, remedyOf } from '../doctor/ask-backend.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { Failure } from '../guardrail/failure.ts';
import { withTexts } from '../guardrail/passages.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import { unknownName } from '../policies/file/nearest.ts';
import { oneLine, printableJson } from './output.ts';

import type { Terminal } from './terminal.ts';

export type TestOptions = { policy?: string; response?: boolean; json?: boolean };

/** Asks one backend of the configuration about one text, and prints what came of it. @throws Error that an operator can read */
export async function testBackend(
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
  const answer = await askBackend(backend, call, config.proxy, checker);
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
