/** Personal data that is to be found: in which forms a value is replaced whole, and nothing beside it. */
import { fileURLToPath } from 'node:url';
import { fetched, output } from './corpora.ts';
import { engineWith, judgeText } from './door.ts';
import { Tally } from './halves.ts';
import { packagesFor } from './pins.ts';
import { type Section, sampled, showWrong } from './report.ts';
import { addTo, type Figure, type Target } from './table.ts';

type Sample = {
  readonly kind: string;
  readonly part: string;
  readonly value: string;
  readonly region?: string;
  readonly national?: string;
};

/** The text round a value, up to it and behind it, and the value as it is written there. */
type Form = (value: string, index: number) => readonly [before: string, value: string, after: string];

const NO_BREAK = ['\u00a0', '\u202f'];

const FORMS: Readonly<Record<string, Form>> = {
  plain: (value) => ['Contact: ', value, ' please.'],
  'no-break': (value, i) => {
    const blank = NO_BREAK[(i >> 1) % 2] ?? ' ';
    return [`Contact:${blank}`, value.replaceAll(' ', blank), `${blank}please.`];
  },
  // As Python's and Go's JSON have it
  escaped: (value, i) =>
    (i >> 1) % 2 === 0
      ? [
          String.raw`{"note":"Contact:\u00a0`,
          value.replaceAll(' ', String.raw`\u00a0`),
          String.raw`\nplease"}`,
        ]
      : [String.raw`{"note":"\u003c`, value, String.raw`\u003e"}`],
  JSON: (value, i) =>
    i % 2 === 0
      ? ['{"contact":"', value, '","next":"7"}']
      : [String.raw`"{\"contact\":\"`, value, String.raw`\"}"`],
};

/** Places where nothing says what a value is. */
const PLACES: Readonly<Record<string, Form>> = {
  alone: (value) => ['', value, ''],
  'in a sentence': (value) => ['Ada has ', value, ' since May.'],
  'in a table': (value) => ['Ada;', value, ';Kiel\nBo;none;Graz'],
  'in a list': (value) => ['- ', value, '\n- nothing\n'],
  'in brackets': (value) => ['Ada (', value, '), Kiel'],
  'in code': (value) => ["add('", value, "', 7);"],
};

const inFours = (value: string) => value.replace(/(.{4})(?=.)/g, '$1 ');

/** As people write them: long ones in groups, half of the time. */
function written({ kind, value }: Sample, index: number): string {
  const isGrouped = (kind === 'card' || kind === 'IBAN') && index % 2 === 1;
  return isGrouped ? inFours(value) : value;
}

let samples: Promise<readonly Sample[]> | undefined;

/** @throws Missing without Python or the network */
function readSamples(): Promise<readonly Sample[]> {
  samples ??= (async () => {
    const folders = await Promise.all(packagesFor('generator').map(fetched));
    const script = fileURLToPath(new URL('samples.py', import.meta.url));
    const env = { ...process.env, PYTHONPATH: folders.join(':'), PYTHONHASHSEED: '0' };
    const lines = await output('python3', [script], 'samples of personal data', { env });
    return lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample);
  })();
  return samples;
}

type Wanted = {
  readonly name: string;
  readonly target?: Target;
  readonly isWanted: (sample: Sample) => boolean;
  /** In place of its value. */
  readonly value?: (sample: Sample) => string;
  readonly options?: (sample: Sample) => Record<string, unknown>;
  readonly forms?: Readonly<Record<string, Form>>;
  /** Tells apart by this in place of the form. */
  readonly byPart?: boolean;
};

const RARE_CARDS = ['visa13', 'visa19', 'jcb15', 'maestro'];
/** Faker's of these have a right sum and a wrong national key. */
const WRONG_KEYS = ['FR', 'PT', 'PL'];
/** National forms are looked for where a country is set. */
const inCountry = ({ region }: Sample) => ({ phone_countries: [region] });

async function recalled(one: Wanted): Promise<Figure> {
  const { name, target, isWanted, value, options, forms = FORMS, byPart = false } = one;
  const tally = new Tally();
  const parts = new Map<string, Tally>();
  const wanted = (await readSamples()).filter(isWanted);
  for (const [index, sample] of sampled(wanted, 4).entries()) {
    const engine = engineWith('pii-detector', options?.(sample));
    const original = value?.(sample) ?? written(sample, index);
    for (const [form, write] of Object.entries(forms)) {
      const [before, said, after] = write(original, index);
      const text = before + said + after;
      const { text: left } = await judgeText(engine, text);
      const label = left.slice(before.length, left.length - after.length);
      const isWhole = left.startsWith(before) && left.endsWith(after) && /^\[[A-Z_]+\]$/.test(label);
      const half = tally.add(sample.value, isWhole ? 1 : 0);
      addTo(parts, byPart ? sample.part : form, sample.value, isWhole ? 1 : 0);
      if (!isWhole) showWrong(name, half, `${sample.part}, ${form}`, `${text} -> ${left}`);
    }
  }
  return { name, unit: 'share', tally, parts, isEach: !byPart, ...(target && { target }) };
}

const isOf = (kind: string) => (sample: Sample) => sample.kind === kind;
const ALL: Target = { least: 0.99 };

const CARDS: readonly Wanted[] = [
  {
    name: 'cards of issuers',
    target: ALL,
    isWanted: ({ kind, part }) => kind === 'card' && !RARE_CARDS.includes(part),
  },
  {
    name: 'cards of rare lengths',
    isWanted: ({ kind, part }) => kind === 'card' && RARE_CARDS.includes(part),
    byPart: true,
  },
];

const PHONES: readonly Wanted[] = [
  { name: 'phones of all regions, international', target: ALL, isWanted: isOf('phone') },
  {
    name: 'phones of all regions, national, the country set',
    target: { least: 0.85 },
    isWanted: ({ kind, national }) => kind === 'phone' && national !== undefined,
    value: ({ national = '' }) => national,
    options: inCountry,
  },
  {
    name: 'phones of Faker, the country set',
    isWanted: isOf('phone of Faker'),
    options: inCountry,
    byPart: true,
  },
];

const REST: readonly Wanted[] = [
  { name: 'IBANs', target: ALL, isWanted: ({ kind, part }) => kind === 'IBAN' && !WRONG_KEYS.includes(part) },
  {
    name: 'IBANs with a wrong national key',
    isWanted: ({ kind, part }) => kind === 'IBAN' && WRONG_KEYS.includes(part),
    byPart: true,
  },
  { name: 'e-mail addresses', target: ALL, isWanted: isOf('e-mail') },
  { name: 'SSN and ITIN', target: ALL, isWanted: isOf('SSN') },
  { name: 'IP addresses', target: ALL, isWanted: isOf('IP') },
  { name: 'MAC addresses', isWanted: isOf('MAC') },
];

/** The same where nothing but its shape says what a value is. */
const PLACED = [...CARDS.slice(0, 1), ...PHONES.slice(0, 2), ...REST.filter(({ target }) => target)].map(
  ({ target: _, ...one }): Wanted => ({ ...one, name: `${one.name}, no word beside them`, forms: PLACES }),
);

const section = (name: string, wanted: readonly Wanted[]): Section => ({
  name,
  async run() {
    const figures: Figure[] = [];
    for (const one of wanted) figures.push(await recalled({ ...one, name: `${one.name}, found whole` }));
    return figures;
  },
});

export const RECALL_SECTIONS: readonly Section[] = [
  section('personal: recall of cards', CARDS),
  section('personal: recall of phones', PHONES),
  section('personal: recall of the rest', REST),
  section('personal: recall of all without a word (cards, phones)', PLACED),
];
