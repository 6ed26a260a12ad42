import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import { callOf } from '../support/call.ts';
import { fill } from '../support/credentials.ts';
import { incrementalDiff, seeded } from '../support/incremental-diff.ts';
import { backend, DOWN, fails, judgeOf, open } from '../support/judging.ts';
import { engineOf } from '../support/policies.ts';
import { rewritingVendor, spanVendor, wholeVendor } from '../support/span-vendor.ts';

type Random = ReturnType<typeof seeded>;
type JudgeOfVendors = ReturnType<typeof judgeOf>;

const PROSE =
  'The library opens at nine, and its café — 😀 really — serves tea; a task-force of 12 asked: "why?" (2 of 3 did). It rains.\n'
    .repeat(2)
    .split(/(?<= )/);
const NAMES = ['Dana Whitfield', 'Dr. St. John Smythe', '陳大文', 'Ada\nLovelace'];
const PLACES = [
  '12 Harbour Road, Cork',
  'Via Roma 7\n00100 Roma',
  '+49 30 1234 5678',
  'ada.lovelace@plums.example',
];
const KEYS = [`ghp_${fill(36)}`];
const names = new RegExp(NAMES.join('|'), 'g');
const places = new RegExp(PLACES.map((place) => place.replace('+', '\\+')).join('|'), 'g');

const texts = { reads: 'texts' } as const;

/** Some words with secrets among them. */
function textOf(random: Random, secrets: readonly string[]): string {
  let text = '';
  for (let words = random.below(80) + 5; words > 0; words--) {
    text += random.of(PROSE);
    if (random.next() < 0.1) text += random.of(secrets) + random.of([' ', ', ', '. ', '\n', '" ']);
  }
  return text;
}

let streams = 0;

/** Streams texts, those of several choices, in pieces through a judge; the clients' views, and what each round showed. */
async function stream(judge: JudgeOfVendors, whole: readonly string[], random: Random, largest: number) {
  const litellm_call_id = `stream-${streams++}`;
  const clients = whole.map(() => incrementalDiff());
  const units = whole.map((text) => Array.from(text));
  const ends = whole.map(() => 0);
  const shown: string[] = [];
  for (let isFinal = false; !isFinal; ) {
    units.forEach((all, i) => {
      ends[i] = Math.min(all.length, ends[i]! + random.below(largest) + (i === 0 ? 1 : 0));
    });
    isFinal = ends.every((end, i) => end === units[i]!.length);
    const present = whole.flatMap((_, i) =>
      ends[i]! > 0 ? [{ i, text: units[i]!.slice(0, ends[i]).join('') }] : [],
    );
    const call = callOf({ input_type: 'response', litellm_call_id, texts: present.map(({ text }) => text) });
    const { outcome, holdback } = await judge.decide(call);
    if (outcome.kind !== 'allow' && outcome.kind !== 'modify') throw new Error(outcome.kind);
    present.forEach(({ i, text }, at) => {
      const passage = call.passages.all[at]!;
      const rewritten = outcome.kind === 'modify' ? (outcome.texts.get(passage) ?? text) : text;
      clients[i]!.round(rewritten, holdback[at] ?? 0, isFinal);
    });
    shown.push(clients.map((client) => client.shown()).join('\n'));
  }
  return { shown, final: clients.map((client) => client.shown()) };
}

/** Stretches of a secret in a text, of four characters or more. */
const partsShown = (text: string, secrets: readonly string[]) =>
  secrets.filter((secret) => text.includes(secret) || text.endsWith(secret.slice(0, 4)));

const diffed = { wiring: 'incremental_diff' } as const;

describe('a stream that is shown as far as it is judged', () => {
  const seeds = Array.from({ length: 12 }, (_, seed) => seed);
  const panels: { name: string; secrets: readonly string[]; judge: () => JudgeOfVendors }[] = [
    {
      name: 'a vendor that tells spans',
      secrets: NAMES,
      judge: () => judgeOf([backend('a', spanVendor(names, '<NAME>').check, texts)], diffed),
    },
    {
      name: 'a vendor that tells spans, though it is to be asked seldom',
      secrets: NAMES,
      judge: () =>
        judgeOf([backend('a', spanVendor(names, '<NAME>').check, texts)], { ...diffed, growth: 6 }),
    },
    {
      name: 'a vendor that tells whole texts',
      secrets: PLACES,
      judge: () => judgeOf([backend('a', wholeVendor(places, '[PLACE]').check)], { ...diffed, growth: 6 }),
    },
    {
      name: 'a vendor that judges texts and tells new ones',
      secrets: PLACES,
      judge: () => judgeOf([backend('a', rewritingVendor(places, '[PLACE]').check, texts)], diffed),
    },
    {
      name: 'both',
      secrets: [...NAMES, ...PLACES],
      judge: () =>
        judgeOf(
          [
            backend('a', spanVendor(names, '<NAME>').check, texts),
            backend('b', wholeVendor(places, '[PLACE]').check),
          ],
          diffed,
        ),
    },
    {
      name: 'two vendors and the policies',
      secrets: [...NAMES, ...PLACES, ...KEYS],
      judge: () =>
        judgeOf(
          [
            backend('a', spanVendor(names, '<NAME>').check, texts),
            backend('b', spanVendor(places, '[PLACE]').check, texts),
          ],
          { ...diffed, engine: engineOf({ chain: ['secrets'] }).engine },
        ),
    },
    {
      name: 'one vendor after the other',
      secrets: [...NAMES, ...PLACES],
      judge: () =>
        judgeOf(
          [
            backend('a', spanVendor(names, '<NAME>').check, texts),
            backend('b', spanVendor(places, '[PLACE]').check, texts),
          ],
          { ...diffed, engine: engineOf({ chain: ['size-limits'], orchestration: 'sequence' }).engine },
        ),
    },
  ];

  test.each(panels.flatMap((panel) => seeds.map((seed) => ({ ...panel, seed }))))(
    'shows nothing of a secret with $name, and takes nothing back (seed $seed)',
    async ({ secrets, judge, seed }) => {
      const random = seeded(seed * 7919 + 17);
      for (let run = 0; run < 4; run++) {
        const whole = Array.from({ length: 1 + random.below(2) }, () => textOf(random, secrets));
        const { shown, final } = await stream(judge(), whole, random, random.of([2, 7, 25, 120]));
        for (const text of shown.slice(0, -1)) expect(partsShown(text, secrets)).toEqual([]);
        const expected = whole.map((text) =>
          secrets.reduce(
            (left, secret) =>
              left.replaceAll(
                secret,
                NAMES.includes(secret) ? '<NAME>' : PLACES.includes(secret) ? '[PLACE]' : '[REDACTED]',
              ),
            text,
          ),
        );
        expect(final).toEqual(expected);
      }
    },
  );

  test.each([0, 1, 2, 3, 4, 5])(
    'keeps what was cut while a vendor is down, and shows nothing it has not judged (seed %i)',
    async (seed) => {
      const random = seeded(seed * 31 + 7);
      const vendor = spanVendor(names, '<NAME>');
      let calls = 0;
      let isDown = false;
      const check: Check = (...all) => {
        calls++;
        isDown = calls % 5 > 2 && calls < 60;
        return isDown ? fails(DOWN)(...all) : vendor.check(...all);
      };
      const judge = judgeOf([backend('a', check, { ...texts, ...open })], diffed);
      const whole = `${textOf(random, NAMES)}${textOf(random, NAMES)}${PROSE.join('')}`;
      const { shown, final } = await stream(judge, [whole], random, 15);
      for (const text of shown.slice(0, -1)) expect(partsShown(text, NAMES)).toEqual([]);
      if (!isDown) expect(final).toEqual([whole.replace(names, '<NAME>')]);
    },
  );

  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'takes nothing back where vendors of a sequence fail in the same round, and shows nothing of a secret (seed %i)',
    async (seed) => {
      const random = seeded(seed * 101 + 3);
      const flaky =
        (check: Check): Check =>
        (...all) =>
          random.next() < 0.3 ? fails(DOWN)(...all) : check(...all);
      const secrets = [...NAMES, ...PLACES];
      const judge = judgeOf(
        [
          backend('a', flaky(spanVendor(names, '<NAME>').check), { ...texts, ...open }),
          backend('b', flaky(spanVendor(places, '[PLACE]').check), { ...texts, ...open }),
        ],
        { ...diffed, engine: engineOf({ chain: ['size-limits'], orchestration: 'sequence' }).engine },
      );
      const { shown } = await stream(judge, [textOf(random, secrets) + PROSE.join('')], random, 15);
      for (const text of shown.slice(0, -1)) expect(partsShown(text, secrets)).toEqual([]);
    },
  );

  test('flows sentence by sentence, and a vendor is asked about each twice or so', async () => {
    const vendor = spanVendor(names, '<NAME>');
    const judge = judgeOf([backend('a', vendor.check, texts)], diffed);
    const sentence = 'The library opens at nine and serves tea to those who ask for it. ';
    const whole = sentence.repeat(40);
    const { shown, final } = await stream(judge, [whole], seeded(1), 40);
    expect(final).toEqual([whole]);
    for (const [i, text] of shown.entries()) {
      const said = Math.min(whole.length, shown[i + 1]?.length ?? 0);
      expect(said - text.length).toBeLessThanOrEqual(3 * sentence.length);
    }
  });
});
