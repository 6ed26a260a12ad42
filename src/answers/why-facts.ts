import { commandLine } from '../config/command-line.ts';
import { type AdviceGround, adviceOnDecision, applicationPart } from '../decisions/advice.ts';
import {
  explanationOf,
  failureText,
  inWords,
  isFailure,
  namesIn,
  placeText,
  UNREAD,
} from '../decisions/explanation.ts';
import type { BackendFinding, KeptDecision, PolicyFinding } from '../decisions/row.ts';
import { age, plural } from '../guardrail/amounts.ts';
import { BLOCK_CATEGORIES } from '../guardrail/category.ts';
import { oneLine } from '../guardrail/one-line.ts';
import type { CallRecordState, RecordsOfCall } from './call-records.ts';

/** A decision, the others on its call, and the records of that. */
export type ToldCall = RecordsOfCall & {
  readonly about: KeptDecision;
  readonly others: readonly KeptDecision[];
  readonly ground: AdviceGround;
};

/** The story of a call: a sentence, then facts under their titles, of which an empty one goes on with that before, then what to do. */
export type CallFacts = {
  readonly sentence: string;
  readonly facts: readonly (readonly [title: string, text: string])[];
  readonly advice: readonly string[];
};

/** Of names that others choose so much is printed. */
const MAX_NAME = 100;
const MAX_OTHERS = 10;
const MAX_SENTENCE = 400;
const MAX_FACT = 300;
/** The outbox remembers delivered records about that long. */
const JUST_NOW_MS = 10_000;
const REMEMBERED_MS = 24 * 3_600_000;

/** Says who, what and when, what each said, what came of it, and what can be done. */
export function whyFacts(told: ToldCall, now: number): CallFacts {
  const { about, others } = told;
  const facts: [string, string | undefined][] = [
    ['reference', about.ref ?? undefined],
    ['when', `${timeText(about.at)}, ${age(now - about.at)} ago`],
    ['who', who(about)],
    ['model', about.model ?? undefined],
    ['call', callText(about)],
    ['ids', idsText(about)],
    ['decided', decidedText(about)],
    [
      'rule',
      about.caller_rule === null || about.caller_rule === 'default'
        ? undefined
        : `${about.caller_rule}, a caller rule of the policy file`,
    ],
    ...numbered('policies', policyLines(about)),
    ...numbered('vendors', about.backends.map(vendorLine)),
    [
      'removed',
      about.removed.length === 0
        ? undefined
        : `text of older messages that ${inWords(about.removed)} had blocked`,
    ],
    ['client', clientText(about)],
    ['ended', endText(about, others, now)],
    ...numbered('record', recordLines(told, now)),
    ...numbered('same call', otherLines(others)),
  ];
  return {
    sentence: oneLine(explanationOf(about), MAX_SENTENCE),
    facts: facts.flatMap(([title, text]) => (text === undefined ? [] : [[title, oneLine(text, MAX_FACT)]])),
    advice: adviceOnDecision(about, told.ground),
  };
}

/** A fact of several lines; its title stands before the first. */
const numbered = (title: string, lines: readonly string[]): [string, string][] =>
  lines.map((line, i) => [i === 0 ? title : '', line]);

const timeText = (at: number) => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

const named = (title: string, name: string | null) =>
  name === null ? [] : [`${title} ${oneLine(name, MAX_NAME)}`];

function who({ team, key, user, end_user, shape }: KeptDecision): string {
  const names = [
    ...named('team', team),
    ...named('key', key),
    ...named('user', user),
    ...named('end user', end_user),
  ];
  if (names.length > 0) return names.join(', ');
  return shape === UNREAD ? 'not known, as it was not read' : 'LiteLLM did not say';
}

const SHAPES: Readonly<Record<string, string>> = {
  conversation: 'a chat, by /v1/chat/completions, /v1/messages or /v1/responses',
  texts: 'texts, by /v1/completions, /v1/embeddings or Gemini',
  prompt: 'a prompt for images, rerank or speech',
  document: 'a document',
  payload: 'a pass-through route',
  realtime: 'a realtime session',
  mcp_tool: 'an MCP tool',
  mcp_result: 'the result of an MCP tool',
};

function callText({
  shape,
  input_type,
  endpoint,
  mode,
  streamed,
  rounds,
  litellm_version,
}: KeptDecision): string {
  if (shape === UNREAD) return 'not read';
  const of = endpoint ?? SHAPES[shape];
  const modes =
    mode ??
    (input_type === 'response'
      ? 'post_call or logging_only'
      : shape === 'mcp_tool'
        ? 'pre_mcp_call or during_mcp_call'
        : 'pre_call or during_call');
  const stream = streamed === undefined ? '' : streamed ? ', streamed' : ', not streamed';
  const round = rounds === undefined || rounds < 2 ? '' : `, round ${rounds}`;
  const release = litellm_version === null ? '' : `, LiteLLM ${litellm_version}`;
  return `${input_type}${of === undefined ? '' : ` of ${of}`}, ${modes}${stream}${round}${release}`;
}

function idsText({ litellm_call_id: id, litellm_trace_id: trace }: KeptDecision): string | undefined {
  const all = [...named('call', id), ...named('trace', trace)];
  return all.length === 0 ? undefined : all.join(', ');
}

function decidedText({ ms, by, shape }: KeptDecision): string | undefined {
  if (shape === UNREAD) return undefined;
  return `in ${msText(ms)}${by === null ? ', nobody objected' : `, by ${inWords(namesIn(by))}`}`;
}

const msText = (ms: number) => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);

const VERBS = { block: 'blocks', redact: 'redacts', remove: 'removes from older messages' } as const;
const WOULD = {
  block: 'would block',
  redact: 'would redact',
  remove: 'would remove from older messages',
} as const;

function policyLines({ policies, allowed }: KeptDecision): string[] {
  return [
    ...policies.map(policyLine),
    ...(allowed.length === 0 ? [] : [`${allowed.join(', ')}: ${allowed.length === 1 ? 'allows' : 'allow'}`]),
  ];
}

function policyLine({ kind, enforced, verdict, reason_code, rules, places = [] }: PolicyFinding): string {
  const verb = enforced ? VERBS[verdict] : WOULD[verdict];
  const by = rules.length === 0 ? reason_code : rules.join(', ');
  const where = places.map(placeText).join('; ');
  return `${kind}${enforced ? '' : ' (observes)'}: ${verb}, by ${by}${where === '' ? '' : ` ${where}`}`;
}

const MODES = { enforce: '', observe: ' (observes)', shadow: ' (shadow)' } as const;

function vendorLine(finding: BackendFinding): string {
  const { backend, mode, result, ms, categories = [], reason, late } = finding;
  const verdict = isFailure(finding) ? `no verdict: ${failureText(finding)}` : result;
  const by = categories.length === 0 ? '' : `, by ${categories.join(', ')}`;
  const said = reason === undefined ? '' : `; it said: ${reason}`;
  const when = late && mode === 'enforce' ? ', after the response' : '';
  return `${backend}${MODES[mode]}: ${verdict}${by}, in ${msText(ms)}${when}${said}`;
}

function clientText({ verdict, category, older, cause, by, policies }: KeptDecision): string | undefined {
  if (verdict !== 'block') return undefined;
  const names = namesIn(by);
  const decisive = policies.find(({ kind, enforced }) => enforced && names.includes(kind));
  const place = decisive && applicationPart(decisive);
  const advice = BLOCK_CATEGORIES[category as keyof typeof BLOCK_CATEGORIES];
  const told = `was told [${category ?? cause}]${older ? ', and that an older message is the cause' : ''}`;
  if (place !== undefined) return `${told}; the user can do nothing about ${place}`;
  return advice === undefined ? told : `${told} (${advice})`;
}

function endText(about: KeptDecision, others: readonly KeptDecision[], now: number): string | undefined {
  const ended = [about, ...others].find((one) => one.ended !== undefined)?.ended;
  if (ended !== undefined)
    return `${ended.outcome === 'success' ? 'with a response' : 'with an error'}, as LiteLLM logged at ${timeText(ended.at)}, ${age(now - ended.at)} ago`;
  if (about.litellm_call_id === null) return undefined;
  return about.verdict === 'block'
    ? 'blocked here; LiteLLM has logged nothing of it'
    : 'LiteLLM has not logged it';
}

function recordLines({ about, records, receivers, problems }: ToldCall, now: number): string[] {
  const lines = records.flatMap((record) => deliveryLines(record, about, now));
  if (lines.length > 0) return [...lines, ...problems];
  if (problems.length > 0) return [...problems];
  return [noRecord(about, receivers, now)];
}

function deliveryLines(
  { id, isLocal, isDeferred, acceptedAt, deliveries }: CallRecordState,
  { caller_rule }: KeptDecision,
  now: number,
): string[] {
  const since = `since ${age(now - acceptedAt)}`;
  if (isDeferred) return [`${id} waits on this machine for the database, ${since}`];
  if (deliveries.length === 0) return [`${id} has been delivered`];
  const unless =
    caller_rule === null || caller_rule === 'default'
      ? ''
      : `, unless the rule ${caller_rule} keeps it from it`;
  return deliveries.map((delivery) => deliveryLine(delivery, { id, isLocal, since, unless, now }));
}

type DeliveryContext = {
  readonly id: number;
  readonly isLocal: boolean;
  readonly since: string;
  readonly unless: string;
  readonly now: number;
};

function deliveryLine(
  { backend, state, dueAt, attempts, reason }: CallRecordState['deliveries'][number],
  { id, isLocal, since, unless, now }: DeliveryContext,
): string {
  const tried = attempts === 0 ? '' : ` after ${plural(attempts, 'try')}`;
  const why = reason === null ? '' : ` (${reason})`;
  switch (state) {
    case 'delivered':
      return `${backend}: delivered${unless}`;
    case 'due':
      return `${backend}: waits ${since}${tried}${why}, and goes out as soon as it is taken`;
    case 'waiting':
      return `${backend}: waits ${since}${tried}${why}, next try in ${age((dueAt ?? now) - now + 999)}`;
    case 'dead':
      return `${backend}: given up${tried}${why}; try it again: ${commandLine(`outbox retry ${id}${isLocal ? ' --local' : ''}`)}`;
  }
}

function noRecord(about: KeptDecision, receivers: readonly string[] | undefined, now: number): string {
  if (receivers?.length === 0) return 'none: no backend takes records';
  if (now - about.at < JUST_NOW_MS) return 'none yet';
  if (now - about.at > REMEMBERED_MS)
    return 'not in the outbox any more: delivered, or given up, more than a day ago';
  if (about.shape === UNREAD) return 'none: it was not read';
  if (about.verdict === 'block')
    return 'none in the outbox: see telemetry_unstored_blocks_total and telemetry_lost_total';
  return about.ended === undefined
    ? `none yet: it comes when LiteLLM logs the call; ${commandLine('doctor')} sees if it does`
    : 'none in the outbox: a rule keeps it from all vendors, or the event was lost; see outbox status';
}

function otherLines(others: readonly KeptDecision[]): string[] {
  const lines = others
    .slice(0, MAX_OTHERS)
    .map((row) => `${row.input_type} at ${timeText(row.at)}: ${explanationOf(row)}`);
  return others.length > MAX_OTHERS
    ? [...lines, `and ${others.length - MAX_OTHERS} more; --json prints all`]
    : lines;
}
