import { inWords } from '../decisions/explanation.ts';
import { FINDINGS, type FindingCode } from '../findings/finding.ts';
import { countText, msText, numberText, spanText } from './markup.ts';
import type { Picture } from './page-source.ts';

/** `bad`: calls went on unjudged, are blocked, or lose their records. `care`: they can. */
export type Tone = 'good' | 'care' | 'bad';

export const SIGNS: Readonly<Record<Tone, string>> = { good: '●', care: '◐', bad: '!' };

export type TopSentence = {
  readonly tone: Tone;
  /** Changes with the state alone, so that it can be read aloud. */
  readonly headline: string;
  readonly figures: string;
};

const OF_VENDORS = new Set<FindingCode>(['backend_unreachable', 'backend_unauthorized', 'backend_failing']);
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
  const { status, findings, minutes, workers } = picture;
  const bypassed = minutes.reduce((sum, minute) => sum + minute.bypassed, 0);
  const isFault = findings.some(({ code }) => FINDINGS[code] === 'fault');
  const areMissing = workers !== undefined && workers.up < workers.wanted;
  const isWell = status === 'ready' && findings.length === 0 && !areMissing;
  const tone = bypassed > 0 || isFault ? 'bad' : isWell ? 'good' : 'care';
  const told = [
    ...(status === 'draining' ? ['This bridge is ending, and takes no new calls'] : []),
    ...(areMissing ? [`${workers.up} of ${workers.wanted} workers are up`] : []),
    ...placesToLook(picture),
    // How many, the strip says: here it would be read aloud each time that it grows
    ...(bypassed > 0 ? ['Calls went on unjudged'] : []),
  ];
  const headline = told.length === 0 ? 'All well.' : told.map((text) => `${text}.`).join(' ');
  return { tone, headline, figures: figuresText(picture) };
}

/** `Look at the vendor akto and at the wiring of LiteLLM`. */
function placesToLook({ findings, unhappy, backends }: Picture): readonly string[] {
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
  const all = [...ofVendors, ...others];
  return all.length === 0 ? [] : [`Look ${inWords(all)}`];
}

/** `212 decisions a minute, p50 0.3 ms, last bypass 3 days ago.` */
function figuresText({ at, startedAt, decisionsAMinute, p50Ms, lastBypassAt }: Picture): string {
  const rate = decisionsAMinute < 10 ? Math.round(decisionsAMinute * 10) / 10 : Math.round(decisionsAMinute);
  const parts = [
    `${rate === 1 ? countText(1, 'decision') : `${numberText(rate)} decisions`} a minute`,
    ...(p50Ms === null ? [] : [`p50 ${msText(p50Ms)}`]),
    lastBypassAt === null
      ? `no bypass since the start ${spanText(at - startedAt)} ago`
      : `last bypass ${spanText(at - lastBypassAt)} ago`,
  ];
  return `${parts.join(', ')}.`;
}
