import { text as textOfStream } from 'node:stream/consumers';
import { type Command, InvalidArgumentError } from 'commander';
import { deliveryOf, oneCall } from '../answers/one-call.ts';
import { createCallJudge, readPolicy, readPolicyText } from '../answers/policy-engine.ts';
import { backends } from '../backends/index.ts';
import { parseConfig, readSettings } from '../config/config.ts';
import type { UnappliedReason } from '../guardrail/decision.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { defaultPolicy } from '../policies/store.ts';
import { oneLine, printableJson } from './output.ts';
import type { Terminal } from './terminal.ts';

type CheckOptions = {
  readonly policy?: string;
  readonly response?: boolean;
  readonly answer?: boolean;
  readonly stream?: boolean;
  readonly transform?: string;
  readonly team?: string;
  readonly key?: string;
  readonly user?: string;
  readonly endUser?: string;
  readonly model?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly json?: boolean;
};

const ABOUT = `
Without --policy these are the policies that the bridge would use: POLICY_FILE, else
the built-in ones with BANNED_KEYWORDS. It needs no bridge and asks no backend. A
policy that only observes changes no verdict.`;

/** Adds `check`. */
export function addCheck(program: Command, terminal: Terminal): void {
  const check = program.command('check').description('judge one text by the policies');
  check
    .argument('<text>', 'the text, in quotes; - for standard input')
    .option('--policy <file>', 'a policy file in place of what the bridge would use')
    .option('--response', 'the text is a response of the model; by default a request of a user')
    .addOption(check.createOption('--answer', 'the former name of --response').hideHelp())
    .option('--stream', 'the response is streamed: says if a redaction of it arrives')
    .addOption(
      check
        .createOption(
          '--transform <mode>',
          'streaming_transform_mode of the guardrail that judges the stream',
        )
        .choices(['block_only', 'incremental_diff', 'pipeline']),
    )
    .option('--team <name>', 'id or alias of the team that calls, for rules by caller')
    .option('--key <name>', 'alias or hash of its virtual key')
    .option('--user <name>', 'its user id or e-mail address')
    .option('--end-user <name>', 'the end user that it names')
    .option('--model <name>', 'the model that it asks for')
    .option('--header <name:value>', 'a header of its request; can be given several times', headerOf)
    .option('--json', 'print { verdict, policy, reason_code, rules, text, observed, caller_rule, redaction }')
    .addHelpText('after', ABOUT)
    .action((text: string, options: CheckOptions) => checkText(text, options, terminal));
}

async function checkText(text: string, options: CheckOptions, terminal: Terminal): Promise<void> {
  const isStream = options.stream === true || options.transform !== undefined;
  const isResponse = options.response ?? options.answer ?? false;
  if (isStream && !isResponse)
    throw new InvalidArgumentError('--stream and --transform are about responses; add --response');
  const { file, setting, source } = policiesFor(options, terminal);
  const content = text === '-' ? await textOfStream(terminal.in) : text;
  const call = oneCall(content, isResponse, { ...options, isStream });
  const { texts, observed, caller_rule, ...result } = await createCallJudge(file)([call]);
  const redaction = isResponse && result.verdict === 'redact' ? deliveryOf(call, setting) : undefined;
  const isLost = redaction?.unapplied !== undefined;
  const verdict = isLost ? 'block' : result.verdict;
  const rewritten = verdict === 'redact' ? (texts[0] ?? null) : null;
  if (options.json) {
    const said = {
      ...result,
      verdict,
      text: rewritten,
      observed,
      caller_rule,
      ...(redaction && { redaction }),
    };
    terminal.out.write(`${printableJson(said)}\n`);
    return;
  }
  const { policy, reason_code, rules } = result;
  const lines = [
    `${verdict}${policy === null ? '' : ` by ${policy}: ${reason_code} (${rules.join(', ')})`}`,
    ...(redaction === undefined ? [] : [sentenceOf(redaction.unapplied, isStream, setting)]),
    ...(caller_rule === 'default' ? [] : [`rule ${caller_rule} of the policy file applies`]),
    ...observed.map(
      (one) => `${one.policy} only observes, it would ${one.verdict} (${one.rules.join(', ')})`,
    ),
    ...(rewritten === null ? [] : [rewritten]),
  ];
  terminal.out.write(`${lines.join('\n')}\n`);
  if (source !== undefined) terminal.err.write(`judged by ${source}\n`);
}

/** The policies to judge by, where they come from if nobody named them, and the fate of redacted responses. */
function policiesFor({ policy }: CheckOptions, terminal: Terminal) {
  const env = terminal.env();
  if (policy !== undefined) {
    const { RESPONSE_REDACTION: setting } = readSettings(env, 'RESPONSE_REDACTION');
    return { file: readPolicy(policy, env), setting, source: undefined };
  }
  const { policies, replies } = parseConfig(env, backends);
  const { file: path, builtin, bannedKeywords } = policies;
  const setting = replies.responseRedaction;
  if (path !== undefined) return { file: readPolicy(path, env), setting, source: `POLICY_FILE, ${path}` };
  if (!builtin)
    throw new Error(
      'no policy judges: the built-in ones are off, as BUILTIN_POLICY says, or as a vendor is configured; name a file with --policy, or set BUILTIN_POLICY=on',
    );
  const file: PolicyFile = readPolicyText(defaultPolicy(bannedKeywords), '.', env);
  return { file, setting, source: 'the built-in policies' };
}

type Setting = Parameters<typeof deliveryOf>[1];

/** The fate of the redaction of a response. */
function sentenceOf(unapplied: UnappliedReason | undefined, isStream: boolean, setting: Setting): string {
  switch (unapplied) {
    case undefined:
      return isStream
        ? 'LiteLLM delivers this redaction: its guardrail releases the stream as far as it is judged'
        : 'LiteLLM delivers this redaction, if its guardrail has the parameter stream: false as in the examples';
    case 'setting':
      return `blocked in place of a redaction, as RESPONSE_REDACTION is ${setting}`;
    case 'stream':
    case 'unknown':
      return 'blocked in place of a redaction, which LiteLLM drops in such a stream; examples/streaming has a configuration that delivers it';
    case 'release':
    case 'endpoint':
    case 'place':
      return 'blocked in place of a redaction, which LiteLLM drops here';
  }
}

function headerOf(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, name, value] = /^([\w-]+): ?(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError(`Write NAME:VALUE, not ${oneLine(JSON.stringify(text), 60)}`);
  return { ...before, [name]: value };
}
