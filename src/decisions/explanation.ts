import type { MessagePlace } from '../guardrail/message-place.ts';
import { wouldAct, wouldText } from './late-findings.ts';
import type { BackendFinding, DecisionRow, PolicyFinding } from './row.ts';

/** The names of rules that a sentence has at most. */
const MAX_RULES = 4;

/** The event and its reason, in one sentence for an operator. */
export function explanationOf(row: DecisionRow): string {
  switch (row.verdict) {
    case 'block':
      return `Blocked${blockedBy(row)}.`;
    case 'redact':
      return `Redacted by ${inWords(namesIn(row.by))}${found(decisive(row, 'redact'))}; the rest went on.`;
    case 'remove':
      return `Went on without text of older messages that ${inWords(row.removed)} had blocked.`;
    case 'defer':
      return `Left to LiteLLM with a 503, as its fallback is defer: ${failures(row)}.`;
    case 'cancelled':
      return 'Not decided: LiteLLM hung up before there was a verdict.';
    case 'allow':
      return `Allowed${observed(row)}.`;
  }
}

function blockedBy(row: DecisionRow): string {
  const by = inWords(namesIn(row.by));
  switch (row.cause) {
    case 'verdict':
      return byVerdict(row, by);
    case 'redaction':
      return ` as what ${by} would redact cannot be redacted here${found(decisive(row, 'redact'))}`;
    case 'fail_closed':
      if (row.by === 'policies')
        return ': the policies made no verdict in their time, which no fallback lets pass';
      if (row.by === 'bridge')
        return `: the bridge could not judge it${row.shape === UNREAD ? ' in time' : ', by a mistake of its own'}`;
      return `, as its fallback is fail_closed: ${failures(row)}`;
    case 'hidden_content':
      return ': it has more than LiteLLM shows to guardrails, and HIDDEN_CONTENT is block';
    case 'several_models':
      return ': it asks several models at once, of which LiteLLM shows one';
    case 'refused':
      return ' unread: it is larger than MAX_BODY_MB, or has more parts than MAX_JSON_NODES';
    case 'unreadable':
      return ' unread: it is no call that LiteLLM sends, or nested too deep';
    default:
      return ` by ${by}`;
  }
}

/** The shape of a row about a call that was refused before anybody read it. */
export const UNREAD = 'unread';

function byVerdict(row: DecisionRow, by: string): string {
  const policy = decisive(row, 'block') ?? decisive(row, 'remove');
  if (policy !== undefined) {
    const file = row.policy_version === null ? '' : ` of file version ${row.policy_version}`;
    return ` by the policy ${policy.kind}${file}${found(policy)}${row.older ? ', an older one' : ''}`;
  }
  const said = row.backends.filter((one) => one.result === 'block' && isWaitedFor(one));
  const categories = [...new Set(said.flatMap((one) => one.categories ?? []))].slice(0, MAX_RULES);
  return ` by ${by}${categories.length === 0 ? '' : `: ${categories.join(', ')}`}`;
}

/** `, because rule a matched in message 3 (user)`. */
function found(finding: PolicyFinding | undefined): string {
  if (finding === undefined) return '';
  const { rules, reason_code, places } = finding;
  const named = rules.length === 0 ? reason_code : rules.slice(0, MAX_RULES).join(', ');
  const more = rules.length > MAX_RULES ? ` and ${rules.length - MAX_RULES} more` : '';
  const where = places?.[0] === undefined ? '' : ` ${placeText(places[0])}`;
  return `: ${rules.length > 1 ? 'rules' : 'rule'} ${named}${more} matched${where}`;
}

/** `in message 3 (user)`, `in the arguments of message 4 (assistant)`, `in a tool`. */
export function placeText({ message, role, part }: MessagePlace): string {
  const of = message === null ? '' : ` of message ${message}${role === null ? '' : ` (${role})`}`;
  switch (part) {
    case 'content':
      return `in${of.replace(' of', '') || ' a message'}`;
    case 'arguments':
      return `in the arguments of a tool call${of}`;
    case 'result':
      return of === '' ? 'in the result of a tool' : `in${of.replace(' of', '')}`;
    case 'tools':
      return 'in the definition of a tool';
    case 'id':
      return `in an id, a name or an address${of}, which no reply can change`;
    case 'text':
      return 'in a text';
    case 'response':
      return 'in the response';
  }
}

/** The policy that decided, if its verdict is that. */
function decisive(
  { policies, by }: DecisionRow,
  verdict: PolicyFinding['verdict'],
): PolicyFinding | undefined {
  const names = namesIn(by);
  return policies.find((one) => one.enforced && one.verdict === verdict && names.includes(one.kind));
}

/** `akto gave no verdict (HTTP 502)`. */
function failures({ backends, by }: DecisionRow): string {
  const names = namesIn(by);
  const failed = backends.filter((one) => isFailure(one) && !one.late && names.includes(one.backend));
  const told = failed.map((one) => `${one.backend} gave no verdict (${failureText(one)})`);
  return inWords(told) || `${inWords(names)} gave no verdict`;
}

const VERDICTS = new Set<string>(['allow', 'block', 'modify', 'flagged']);

/** True for a backend that gave no verdict. */
export function isFailure({ result }: BackendFinding): boolean {
  return !VERDICTS.has(result);
}

/** The failure of a backend, for people. */
export function failureText({ result, status, ms }: BackendFinding): string {
  switch (result) {
    case 'http_status':
      return `HTTP ${status ?? 'error'}`;
    case 'unauthorized':
      return `HTTP ${status ?? '401'}: it refuses our token`;
    case 'timeout':
      return `no reply within ${Math.round(ms)} ms`;
    case 'breaker_open':
      return 'not asked, as it kept failing';
    default:
      return result.replaceAll('_', ' ');
  }
}

const isWaitedFor = ({ mode, late }: BackendFinding) => mode === 'enforce' && !late;

function observed({ policies, backends }: DecisionRow): string {
  const would = policies
    .filter(({ enforced }) => !enforced)
    .map(({ kind, verdict }) => `${kind} would ${verdict}`);
  const others = backends
    .filter((one) => one.result === 'block' && isWaitedFor(one))
    .map(({ backend }) => `${backend} would block, and was outvoted`);
  const failed = backends.filter((one) => isFailure(one) && isWaitedFor(one));
  const passed = failed.map((one) => `${one.backend} gave no verdict (${failureText(one)})`);
  const all = [...would, ...backends.filter(wouldAct).map(wouldText), ...others, ...passed];
  return all.length === 0 ? '' : `, but ${inWords(all)}`;
}

export const namesIn = (by: string | null): readonly string[] =>
  by === null || by === '' ? [] : by.split(',');

/** `a`, `a and b`, `a, b and c`. */
export function inWords(names: readonly string[]): string {
  const [last = ''] = names.slice(-1);
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
