import { inWords } from '../decisions/explanation.ts';
import { FINDINGS, type FindingCode } from '../findings/finding.ts';
import { countText, msText, numberText, spanText } from './markup.ts';
import type { Picture } from './page-source.ts';

/** `bad`: calls are bypassed, are blocked, or lose their records. `care`: they can. */
export type Tone = 'good' | 'care' | 'bad';

export const SIGNS: Readonly<Record<Tone, string>> = { good: '●', care: '◐', bad: '!' };

export type TopSentence = {
  readonly tone: Tone;
  /** Changes with the state alone, so that it can be read aloud. */
  readonly headline: string;
  readonly figures: string;
};

const OF_VENDORS = new Set<FindingCode>(['backend_unreachable', 'backend_unauthorized', 'backend_failing']);
/** LiteLLM asks about all its calls in vain. */
const STOPS_CALLS = new Set<FindingCode>(['guardrail_key_wrong', 'address_refused', 'guardrail_url_wrong']);
/** Nothing was bypassed for so long: it is over. */
const OVER_MS = 120_000;
const OF_THE_BRIDGE = new Set<FindingCode>([
  'records_stopped',
  'policy_file_differs',
  'bridge_unreachable',
  'bridge_key_wrong',
  'settings_wrong',
  'settings_doubtful',
  'database_unreachable',
  'bridge_degraded',
]);

/** The picture in one sentence or two: if it is us, a vendor or LiteLLM, and how calls fare. */
export function topSentence(picture: Picture): TopSentence {
  const { at, status, findings, minutes, workers } = picture;
  const bypassed = minutes.filter((minute) => minute.bypassed > 0);
  const lastBypassAt = picture.lastBypassAt ?? bypassed.at(-1)?.at ?? 0;
  const isBypassing = bypassed.length > 0 && at - lastBypassAt < OVER_MS;
  const stop = findings.find(({ code }) => STOPS_CALLS.has(code));
  const isFault = findings.some(({ code }) => FINDINGS[code] === 'fault');
  const areMissing = workers !== undefined && workers.up < workers.wanted;
  const isWell = status === 'ready' && findings.length === 0 && !areMissing;
  const tone = isBypassing || isFault ? 'bad' : isWell && bypassed.length === 0 ? 'good' : 'care';
  const told = [
    ...(status === 'draining' ? ['This bridge is ending, and takes no new calls'] : []),
    ...(areMissing ? [`${workers.up} of ${workers.wanted} workers are up`] : []),
    ...(stop === undefined ? [] : [`Guardrail calls of LiteLLM are refused${sinceText(stop.since)}`]),
    ...placesToLook(picture, stop !== undefined),
    // How many, the figures say as long as they grow: here it would be read aloud each time
    ...(isBypassing
      ? [`Calls are bypassed${sinceText(bypassed[0]?.at)}: they go on without the verdict of a vendor`]
      : bypassed.length > 0
        ? [`${isWell ? 'All well now. ' : ''}${bypassedText(bypassed)}`]
        : []),
  ];
  const headline = told.length === 0 ? 'All well.' : told.map((text) => `${text}.`).join(' ');
  return { tone, headline, figures: figuresText(picture) };
}

const clockText = (at: number) => new Date(at).toISOString().slice(11, 16);

/** ` since 20:48`, or nothing where it is not known. */
function sinceText(since: string | number | undefined): string {
  const at = new Date(since ?? Number.NaN).getTime();
  return Number.isNaN(at) ? '' : ` since ${clockText(at)}`;
}

/** `27 calls were bypassed from 20:48 to 20:51`. */
function bypassedText(minutes: Picture['minutes']): string {
  const count = minutes.reduce((sum, minute) => sum + minute.bypassed, 0);
  const [first = '', last = ''] = [minutes[0], minutes.at(-1)].map((one) => clockText(one?.at ?? 0));
  const when = first === last ? `at ${first}` : `from ${first} to ${last}`;
  return `${countText(count, 'call')} ${count === 1 ? 'was' : 'were'} bypassed ${when}`;
}

/** `Look at the vendor akto and at the wiring of LiteLLM`. */
function placesToLook({ findings, unhappy, backends }: Picture, areVendorsLast: boolean): readonly string[] {
  const vendors = new Set(backends.map(({ name }) => name));
  const names = new Set<string>();
  const others = new Set<string>();
  for (const { code, subject } of findings) {
    if (subject !== undefined && (OF_VENDORS.has(code) || vendors.has(subject))) names.add(subject);
    else if (OF_VENDORS.has(code)) others.add('at a vendor');
    else others.add(OF_THE_BRIDGE.has(code) ? 'at this bridge' : 'at the wiring of LiteLLM');
  }
  for (const name of unhappy) {
    if (vendors.has(name)) names.add(name);
    else if (name !== 'findings' && name !== 'workers')
      others.add(`at ${name === 'database' ? 'the database' : `its ${name}`}`);
  }
  const ofVendors =
    names.size === 0 ? [] : [`at the ${names.size === 1 ? 'vendor' : 'vendors'} ${inWords([...names])}`];
  const all = areVendorsLast ? [...others, ...ofVendors] : [...ofVendors, ...others];
  return all.length === 0 ? [] : [`Look ${inWords(all)}`];
}

/** `212 decisions a minute, p50 0.3 ms, last bypass 3 days ago.` */
function figuresText({ at, startedAt, minutes, decisionsAMinute, p50Ms, lastBypassAt }: Picture): string {
  const bypassed = minutes.reduce((sum, minute) => sum + minute.bypassed, 0);
  const rate = decisionsAMinute < 10 ? Math.round(decisionsAMinute * 10) / 10 : Math.round(decisionsAMinute);
  const parts = [
    `${rate === 1 ? countText(1, 'decision') : `${numberText(rate)} decisions`} a minute`,
    ...(p50Ms === null ? [] : [`p50 ${msText(p50Ms)}`]),
    lastBypassAt === null
      ? `no bypass since the start ${spanText(at - startedAt)} ago`
      : `${bypassed > 0 ? `${numberText(bypassed)} bypassed in the last hour, the last` : 'last bypass'} ${spanText(at - lastBypassAt)} ago`,
  ];
  return `${parts.join(', ')}.`;
}
