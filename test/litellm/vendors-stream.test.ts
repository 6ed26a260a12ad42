import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeBackend, json, type Reply, startFakeBackend } from '../support/fake-backend.ts';
import { randomFrom } from '../support/random.ts';
import { chat } from './endpoints.ts';
import { redacted, samples, shownOf } from './policy-samples.ts';
import { chunksOf, forAll, StreamReader } from './policy-stream.ts';
import { type PolicyWorld, policies, respondByNumber, startPolicyWorld } from './policy-world.ts';
import { does, releasesThat } from './release.ts';

const question = 'Who bakes the plum cake?';
const story =
  'Slice the plums, fold them into the batter and bake it for fifty minutes 🍰. Then let it rest on the sill. ';
const names = ['Dana Whitfield', 'Ada\nLovelace', 'Zoë Özdemir-Brandt'];
const places = ['12 Harbour Road, Cork', 'Via Roma 7, 00100 Roma'];

/** As Presidio's analyzer: spans in code points, a list for each text. */
const analyzes: Reply = (seen, response) => {
  const { text } = seen.body as { text: string[] };
  const found = text.map((one) =>
    names.flatMap((name) =>
      [...one.matchAll(new RegExp(name, 'g'))].map(({ index }) => {
        const start = [...one.slice(0, index)].length;
        return { entity_type: 'PERSON', start, end: start + [...name].length, score: 0.9 };
      }),
    ),
  );
  return json(found)(seen, response);
};

/** As a server of Guardrails AI with a guard that fixes: it tells new texts. */
const validates: Reply = (seen, response) => {
  const { llm_output: text } = seen.body as { llm_output: string };
  const fixed = places.reduce((left, place) => left.replaceAll(place, '[PLACE]'), text);
  return json({ validationPassed: true, validatedOutput: fixed })(seen, response);
};

const incremental = { mode: 'post_call', streaming_transform_mode: 'incremental_diff' };

describe.each(releasesThat('has stream settings'))(
  'streams that vendors redact, litellm $version, streaming_transform_mode: incremental_diff',
  (release) => {
    let world: PolicyWorld<'vendors'>;
    let presidio: FakeBackend;
    let guard: FakeBackend;

    beforeAll(async () => {
      presidio = await startFakeBackend(analyzes);
      guard = await startFakeBackend(validates);
      const backends = [
        { name: 'house-presidio', kind: 'presidio', url: presidio.url, entities: { PERSON: 'mask' } },
        { name: 'house-guard', kind: 'guardrails-ai', url: guard.url, guard: 'house' },
      ];
      world = await startPolicyWorld(release, {
        vendors: {
          policy: policies({ secrets: { action: 'redact' } }, { backends }),
          env: { RESPONSE_REDACTION: 'rewrite' },
          guardrails: { fifth: incremental, each: { ...incremental, streaming_sampling_rate: 1 } },
        },
      });
    });

    afterAll(async () => {
      await world?.stop();
      await presidio?.close();
      await guard?.close();
    });

    const secrets = [...names, ...places, samples.github];
    const expected = (text: string) => {
      const left = names.reduce((one, name) => one.replaceAll(name, '<PERSON>'), text);
      return places
        .reduce((one, place) => one.replaceAll(place, '[PLACE]'), left)
        .replaceAll(samples.github, redacted);
    };

    test.each(['fifth', 'each'])(
      'that are judged in the %s chunk show nothing of a secret, however they are cut',
      async (rate) => {
        const random = randomFrom(rate.length);
        const whole = Array.from({ length: 24 }, () =>
          Array.from({ length: 3 + Math.floor(random() * 6) }, () => {
            const secret = secrets[Math.floor(random() * secrets.length)] as string;
            return random() < 0.6 ? `${story}It is ${secret}${random() < 0.5 ? '. ' : ', '}` : story;
          }).join(''),
        );
        const numbered = new Map(
          whole.map((text, number) => [number, { chunks: cut(text, random), chunkDelayMs: 0 }]),
        );
        respondByNumber(world.provider, numbered);
        await forAll([...numbered.keys()], async (number) => {
          const body = { ...chat.ask(`#${number} ${question}`), stream: true };
          const reader = new StreamReader(await world.open(chat, body, [`vendors-${rate}`]));
          const text = await reader.end();
          expect(reader.raw).not.toContain('stream_transform_underflow');
          expect(text).toBe(expected(whole[number] as string));
          for (const secret of secrets)
            if (!secret.includes('Roma')) expect(shownOf(secret, text)).toEqual([]);
        });
      },
    );

    test('flow while the model writes, and what is not judged yet waits', async () => {
      const parts = [story.repeat(3), `It is Dana`, ` Whitfield. ${story.repeat(2)}`];
      respondByNumber(
        world.provider,
        new Map([[0, { chunks: parts.flatMap((part) => cut(part, () => 0)), chunkDelayMs: 0 }]]),
      );
      const body = { ...chat.ask(`#0 ${question}`), stream: true };
      const reader = new StreamReader(await world.open(chat, body, ['vendors-each']));
      expect(await reader.end()).toBe(expected(parts.join('')));
      expect(chunksOf(reader.raw)[0]?.length).toBeGreaterThan(4);
      if (does(release, 'ends a text with its stream'))
        expect(reader.raw).toContain('"finish_reason":"stop"');
    });
  },
);

/** A text in chunks of a few characters. */
function cut(text: string, random: () => number): string[] {
  const chunks: string[] = [];
  const letters = Array.from(text);
  for (let at = 0; at < letters.length; ) {
    const size = 2 + Math.floor(random() * 12);
    chunks.push(letters.slice(at, at + size).join(''));
    at += size;
  }
  return chunks;
}
