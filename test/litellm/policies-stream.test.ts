import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomFrom } from '../support/random.ts';
import { streamedText } from './client.ts';
import { chat, type Endpoint, messages, responses } from './endpoints.ts';
import { redacted, samples, shownOf } from './policy-samples.ts';
import { chunksOf, forAll, gate, StreamReader } from './policy-stream.ts';
import { type PolicyWorld, policies, respondByNumber, startPolicyWorld } from './policy-world.ts';
import type { ModelResponse } from './provider.ts';
import { does, releasesThat } from './release.ts';

const question = 'How long does a plum cake bake?';
const refusal = /Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}/;
const story =
  'Slice the plums, fold them into the batter and bake the cake for fifty minutes; then let it rest on the sill. ';
const incremental = { mode: 'post_call', streaming_transform_mode: 'incremental_diff' };
const guardrails = {
  pre: { mode: 'pre_call' },
  post: { mode: 'post_call' },
  // the default is a look at every fifth chunk
  fifth: incremental,
  each: { ...incremental, streaming_sampling_rate: 1 },
};
const rewrites = { RESPONSE_REDACTION: 'rewrite' };

const setups = {
  redact: { policy: policies({ secrets: { action: 'redact' } }), env: rewrites, guardrails },
  block: { policy: policies({ secrets: { action: 'block' } }), env: rewrites, guardrails },
  // one guardrail for streams and other responses, as it had to be before there was stream_scope
  told: {
    policy: policies({ secrets: { action: 'redact' } }),
    guardrails: {
      all: {
        ...incremental,
        additional_provider_specific_params: { streaming_transform_mode: 'incremental_diff' },
      },
    },
  },
  // nothing tells how a response is delivered
  strict: { policy: policies({ secrets: { action: 'redact' } }), guardrails },
  reversible: {
    policy: policies({ 'pii-detector': { entities: ['EMAIL_ADDRESS'], redaction: { reversible: true } } }),
    env: rewrites,
    guardrails,
  },
};

describe.each(releasesThat('has stream settings'))(
  'streams that policies rewrite, litellm $version, streaming_transform_mode: incremental_diff',
  (release) => {
    let world: PolicyWorld<keyof typeof setups>;

    beforeAll(async () => {
      world = await startPolicyWorld(release, setups);
    });

    afterAll(async () => {
      await world?.stop();
    });

    /** Reads these responses as clients do, some of them at once. */
    async function streamed(responses: readonly ModelResponse[], guardrail: string): Promise<string[]> {
      const numbered = new Map(
        responses.map((response, number) => [number, { chunkDelayMs: 0, ...response }]),
      );
      respondByNumber(world.provider, numbered);
      const raws: string[] = [];
      try {
        await forAll([...numbered.keys()], async (number) => {
          const body = { ...chat.ask(`#${number} ${question}`), stream: true };
          raws[number] = (await world.send(chat, body, [guardrail])).raw;
        });
      } finally {
        world.provider.respondTo = undefined;
      }
      return raws;
    }

    const shapes = [
      ['github', 1],
      ['aws', 1],
      ['jwt', 2],
      ['openai', 3],
      ['privateKey', 5],
    ] as const;
    const both = ['each', 'fifth'] as const;

    describe.each(both)('looking at %s chunk', (rate) => {
      // the role and three chunks before, so that the fifth ends within the secret
      const before = ['Well, 料理 🍰🔑 ', 'the key ', 'is:\n'];
      const after = ['\nand that ', 'is ', 'all, 👩‍🍳.', ' Bye', ' now'];

      test.each(shapes)(
        'a secret (%s) split in two is replaced wherever the split is',
        async (name, step) => {
          const secret = samples[name];
          const splits = splitsOf(secret, step);
          const responses = splits.map((parts) => ({ chunks: [...before, ...parts, ...after] }));
          const raws = await streamed(responses, `redact-${rate}`);

          const whole = `${before.join('')}${redacted}${after.join('')}`;
          for (const [index, raw] of raws.entries()) {
            const where = `split after ${splits[index]?.[0]?.length}`;
            expect(chunksOf(raw)[0]?.join(''), where).toBe(whole);
            expect(shownOf(secret, raw), where).toEqual([]);
            expectEnd(raw);
          }
        },
      );

      test.each([1, 3, 7, 16])('secrets in chunks of %i characters are replaced', async (size) => {
        const all = [samples.github, samples.privateKey, samples.openai, samples.jwt, samples.aws];
        const secrets = all.slice(0, size + 1);
        const between = story.slice(0, 8 * size); // LiteLLM takes longer for each round of a stream
        const text = secrets.map((secret, index) => `${index}. ${secret}\n`).join(between);
        const [raw = ''] = await streamed([{ text, chunkSize: size }], `redact-${rate}`);

        expect(chunksOf(raw)[0]?.join('')).toBe(
          secrets.map((_, index) => `${index}. ${redacted}\n`).join(between),
        );
        for (const secret of secrets) expect(shownOf(secret, raw)).toEqual([]);
        expectEnd(raw);
      });

      test('responses cut at random end as they do without a stream', async () => {
        const random = randomFrom(rate.length);
        const texts = Array.from({ length: 12 }, () => madeUp(random));
        const raws = await streamed(
          texts.map((text) => ({ chunks: cutAtRandom(text, random) })),
          `redact-${rate}`,
        );

        for (const [index, text] of texts.entries()) {
          world.provider.reset({ text });
          const seen = await world.send(chat, chat.ask(question), ['redact-post']);
          const { choices } = seen.json as { choices: { message: { content: string } }[] };
          expect(chunksOf(raws[index] ?? '')[0]?.join('')).toBe(choices[0]?.message.content);
          for (const secret of Object.values(samples)) expect(shownOf(secret, raws[index] ?? '')).toEqual([]);
        }
      });

      test('each of several choices is redacted', async () => {
        const responses = [0, 1, 2, 3, 4].map((shift) => ({
          chunks: ['x'.repeat(shift), ...pieces(`One ${samples.github} and more of it`, 4)],
          others: [`${'y'.repeat(2 * shift)} Two ${samples.privateKey}, yes`, story, `Four ${samples.aws}`],
          chunkSize: 4,
        }));
        const raws = await streamed(responses, `redact-${rate}`);

        for (const [shift, raw] of raws.entries()) {
          expect(chunksOf(raw).map((texts) => texts.join(''))).toEqual([
            `${'x'.repeat(shift)}One ${redacted} and more of it`,
            `${'y'.repeat(2 * shift)} Two ${redacted}, yes`,
            story,
            `Four ${redacted}`,
          ]);
          for (const secret of [samples.github, samples.privateKey, samples.aws])
            expect(shownOf(secret, raw)).toEqual([]);
          expectEnd(raw);
        }
      });

      test('a secret at the very end is replaced, and one that never ends', async () => {
        const open = samples.privateKey.slice(0, 150);
        const raws = await streamed(
          [
            { text: `${story}${samples.github}`, chunkSize: 4 },
            { text: `${story}${open}`, chunkSize: 4 },
            { text: `${story}${samples.github.slice(0, 20)}`, chunkSize: 4 },
          ],
          `redact-${rate}`,
        );

        const texts = raws.map((raw) => chunksOf(raw)[0]?.join(''));
        expect(texts).toEqual([
          `${story}${redacted}`,
          `${story}${redacted}`,
          `${story}${samples.github.slice(0, 20)}`, // half a token is none
        ]);
      });

      test.each([
        ['a secret', `The key is ${samples.github}`, `The key is ${redacted}`],
        ['a secret and more', `The key is ${samples.github}, I think.`, `The key is ${redacted}, I think.`],
        ['half a secret', `It begins ${samples.aws.slice(0, 12)}`, `It begins ${samples.aws.slice(0, 12)}`],
      ])('a tool call reaches the client after %s', async (_what, text, shown) => {
        const toolCalls = [{ name: 'look_up', arguments: '{"q":"plum"}' }];
        for (const chunkSize of [3, 4, 5, 50]) {
          const [raw = ''] = await streamed([{ text, toolCalls, chunkSize }], `redact-${rate}`);

          expect(chunksOf(raw)[0]?.join('')).toBe(shown);
          expect(raw).toContain('"name":"look_up"');
          expect(raw).toContain('"finish_reason":"tool_calls"');
          const rest = raw.lastIndexOf('"content":"');
          const finish = raw.indexOf('"finish_reason":"tool_calls"');
          if (does(release, 'ends a text with its stream')) {
            expect(raw.slice(0, finish).lastIndexOf('data:')).toBe(raw.slice(0, rest).lastIndexOf('data:'));
          } else {
            expect(rest).toBeLessThan(finish);
          }
        }
      });

      test('clean text flows while the model still writes, before a secret and after it', async () => {
        const [first, second] = [gate(), gate()];
        const start = pieces(story.repeat(3), 4);
        const middle = pieces(`${samples.github}\n${story.repeat(3)}`, 4);
        world.provider.reset({
          chunks: [...start, ...middle, ...pieces(story, 4)],
          async beforeChunk(index) {
            if (index === start.length) await first.opened;
            if (index === start.length + middle.length) await second.opened;
          },
        });
        const body = { ...chat.ask(question), stream: true };
        const reader = new StreamReader(await world.open(chat, body, [`redact-${rate}`]));

        // at least the first two of three times, though what follows was not said yet
        await reader.until((text) => text.length >= 2 * story.length);
        expect(chunksOf(reader.raw)[0]?.length).toBeGreaterThan(5);
        first.open();
        await reader.until((text) => text.startsWith(`${story.repeat(3)}${redacted}\n${story.repeat(2)}`));
        second.open();
        const whole = await reader.end();
        expect(whole).toBe(`${story.repeat(3)}${redacted}\n${story.repeat(4)}`);
        expectEnd(reader.raw);
      });

      test('a clean response in many scripts is delivered as it is', async () => {
        const text = `${story}梅のケーキを五十分焼く 🍰👩‍🍳 Übrigens: кекс, 케이크; e=mc², sk- ghp_ AKIA.`;
        const [raw = ''] = await streamed([{ chunks: [...text] }], `redact-${rate}`);

        expect(chunksOf(raw)[0]?.join('')).toBe(text);
        expectEnd(raw);
      });

      test.each(shapes)(
        'with action block not four characters of a secret (%s) reach the client',
        async (name, step) => {
          const secret = samples[name];
          const splits = splitsOf(secret, 4 * step);
          const responses = splits.map((parts) => ({ chunks: [...before, ...parts, ...after] }));
          const raws = await streamed(responses, `block-${rate}`);

          for (const raw of raws) {
            expect(shownOf(secret, raw)).toEqual([]);
            expect(raw).toMatch(refusal);
            expect(chunksOf(raw)[0]?.join('') ?? '').not.toContain('all');
          }
        },
      );

      test('without RESPONSE_REDACTION=rewrite a redaction ends the stream before the secret', async () => {
        const splits = splitsOf(samples.github, 4);
        const responses = splits.map((parts) => ({ chunks: [...before, ...parts, ...after] }));
        const raws = await streamed(responses, `strict-${rate}`);

        for (const raw of raws) {
          expect(shownOf(samples.github, raw)).toEqual([]);
          expect(raw).toMatch(refusal);
        }
      });
    });

    test('a guardrail that says incremental_diff has chats redacted, streamed or not, and other streams blocked', async () => {
      const ask = (endpoint: Endpoint, stream: boolean) => {
        world.provider.reset({ text: `${story}${samples.github} ${story}`, chunkSize: 8 });
        return world.send(endpoint, { ...endpoint.ask(question), stream }, ['told-all']);
      };
      const whole = `${story}${redacted} ${story}`;
      if (!does(release, 'samples responses')) {
        // a stream of /v1/responses looks like a chat
        for (const endpoint of [chat, responses]) {
          expect((await ask(endpoint, true)).raw, endpoint.name).toMatch(/Blocked by|response\.failed/);
        }
        return;
      }
      expect(chunksOf((await ask(chat, true)).raw)[0]?.join('')).toBe(whole);
      expect((await ask(chat, false)).raw).toContain(whole);
      for (const endpoint of [messages, responses]) {
        expect((await ask(endpoint, false)).raw, endpoint.name).toContain(whole);
        expect((await ask(endpoint, true)).raw, endpoint.name).toMatch(refusal);
      }
    });

    // incremental_diff is for chat alone. A failure of the first is good news.
    describe.each([messages, responses])('$name', (endpoint) => {
      const ask = (guardrail: string) => {
        world.provider.reset({ text: `${story}${samples.github} ${story}`, chunkSize: 16 });
        return world.send(endpoint, { ...endpoint.ask(question), stream: true }, [guardrail]);
      };

      test('LEAKS: LiteLLM drops rewrites of a stream', async () => {
        const seen = await ask('redact-each');
        expect(streamedText(seen.raw)).toContain(samples.github);
      });

      test('action block ends a stream within the secret', async () => {
        const seen = await ask('block-each');
        expect(seen.raw).toMatch(refusal);
        const isSampled = endpoint !== responses || does(release, 'samples responses');
        expect(streamedText(seen.raw).includes(samples.github)).toBe(!isSampled);
      });
    });

    describe('a value redacted reversibly', () => {
      const address = 'ada.lovelace@plums.example';
      const marker = '[EMAIL_ADDRESS_1]';
      const letter = { ...chat.ask(`Write to ${address}, please`) };

      test.each([chat, messages, responses])(
        'comes back in a response of $name, and the provider sees the marker alone',
        async (endpoint) => {
          const text = (who: string) => `Dear ${who}, the cake is for ${who}; not for [EMAIL_ADDRESS_2].`;
          world.provider.reset({ text: text(marker) });
          const body = endpoint.ask(`Write to ${address} and ${address}, please`);
          const seen = await world.send(endpoint, body, ['reversible-pre', 'reversible-post']);

          expect(seen.status, seen.raw).toBe(200);
          const asked = JSON.stringify(world.provider.calls[0]?.body);
          expect(asked).toContain(`Write to ${marker} and ${marker}, please`);
          expect(asked).not.toContain(address);
          expect(seen.raw).toContain(text(address));
        },
      );

      test.each(both)(
        'comes back in a stream that is judged in %s chunk, wherever it is split',
        async (rate) => {
          const body = { ...letter, stream: true };
          await forAll(
            splitsOf(marker, 1),
            async (parts) => {
              world.provider.reset({
                chunks: ['Dear ', 'dear ', '🍰 ', ...parts, ', the cake is for ', 'you'],
              });
              const seen = await world.send(chat, body, ['reversible-pre', `reversible-${rate}`]);

              expect(JSON.stringify(world.provider.calls)).not.toContain(address);
              expect(chunksOf(seen.raw)[0]?.join('')).toBe(`Dear dear 🍰 ${address}, the cake is for you`);
              expectEnd(seen.raw);
            },
            1,
          );
        },
      );

      test('does not come back in another call', async () => {
        world.provider.reset({ text: `Dear ${marker}` });
        const seen = await world.send(chat, chat.ask(question), ['reversible-pre', 'reversible-post']);

        expect(seen.raw).toContain(`Dear ${marker}`);
      });

      test('does not cover an address that was not in the request, which is redacted', async () => {
        world.provider.reset({ text: `${story}Dear charles@engines.example, ${story}`, chunkSize: 4 });
        const body = { ...letter, stream: true };
        const seen = await world.send(chat, body, ['reversible-pre', 'reversible-each']);

        expect(chunksOf(seen.raw)[0]?.join('')).toMatch(/Dear \[EMAIL_ADDRESS_\d\], Slice/);
      });
    });
  },
);

/** A text in two parts, cut at every so many characters. */
function splitsOf(text: string, step: number): string[][] {
  const cuts = Array.from({ length: Math.ceil(text.length / step) }, (_, index) => index * step);
  return cuts.map((cut) => [text.slice(0, cut), text.slice(cut)].filter((part) => part !== ''));
}

const pieces = (text: string, size: number): string[] => text.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? [];

/** Some words with secrets among them. */
function madeUp(random: () => number): string {
  const words = [
    ...[
      'plum ',
      'cake, ',
      '梅 ',
      '🍰 ',
      '\n',
      '"',
      ' sk- ',
      ' ghp',
      ' AKI',
      'password: ',
      'it is ',
      'aws_secret',
    ],
    ...Object.values(samples).map((secret) => ` ${secret}\n`),
    ` aws_secret_access_key = ${samples.github.slice(4)}aB3d `,
  ];
  return Array.from({ length: 12 }, () => words[Math.floor(random() * words.length)]).join('');
}

function cutAtRandom(text: string, random: () => number): string[] {
  const chunks = [''];
  for (const letter of text) {
    if (random() < 0.1) chunks.push('');
    chunks[chunks.length - 1] += letter;
  }
  return chunks.filter((chunk) => chunk !== '');
}

/** That a stream ended as LiteLLM ends it, without an error. */
function expectEnd(raw: string): void {
  expect(raw).not.toContain('stream_transform_underflow');
  expect(raw).not.toContain('"error"');
  expect(raw).toContain('"finish_reason":"stop"');
  expect(raw.trimEnd().endsWith('data: [DONE]')).toBe(true);
}
