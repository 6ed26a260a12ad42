import { describe, expect, test } from 'vitest';
import { UNMISTAKABLE } from '../../src/detectors/secrets/index.ts';
import { fill } from '../support/credentials.ts';
import { disguised, takesDisguise } from '../support/disguises.ts';
import { incrementalDiff, seeded } from '../support/incremental-diff.ts';
import { rewritesOf } from '../support/passages.ts';
import { personalSamples } from '../support/personal-samples.ts';
import { engineOf } from '../support/policies.ts';
import { marked, secretSamples } from '../support/secret-samples.ts';

const CHAIN = {
  chain: ['secrets', 'pii-detector', 'dlp-filter'],
  policy: {
    'pii-detector': { healthcare_mode: true },
    'dlp-filter': {
      detect_patterns: ['(sk-|gsk_)[A-Za-z0-9]+', 'EMP-\\d{6}', 'ticket\\s+(?:no\\.\\s*)?[A-Z]{2,}-\\d+'],
      blocked_terms: ['project nightfall', 'Ärger im Büro'],
    },
  },
};

const UNMISTAKABLE_IDS = new Set([...UNMISTAKABLE].map(({ id }) => id));

const PROSE =
  'The library opens at nine, and its café — 😀 really — serves tea; a task-force of 12 asked: "why?" (2 of 3 did). '
    .repeat(3)
    .split(/(?<= )/);

/** All that is to be redacted, with the sample as it stands in a text. */
const SECRETS = [
  ...[...secretSamples].flatMap(([id, { finds }]) => (id.endsWith('-entropy') ? [] : finds)).map(marked),
  ...Object.values(personalSamples)
    .flatMap(({ finds }) => finds)
    .map(marked),
  ...['EMP-123456', 'ticket no. AB-12345', 'project nightfall', 'ärger im BÜRO'].map(marked),
];

/** Those that are found in base64 too. */
const TOKENS = [...secretSamples].flatMap(([id, { finds }]) =>
  UNMISTAKABLE_IDS.has(id) ? finds.map(marked) : [],
);

type Random = ReturnType<typeof seeded>;

function textOf(
  random: Random,
  disguise = (text: string) => text,
): { text: string; secrets: readonly string[] } {
  const secrets: string[] = [];
  let text = '';
  for (let words = random.below(40) + 3; words > 0; words--) {
    text += random.of(PROSE);
    if (random.next() < 0.12) {
      const secret = random.of(SECRETS);
      const written = takesDisguise(secret.text) ? disguise : (same: string) => same;
      const [before, value, after] = [
        secret.text.slice(0, secret.start),
        written(secret.text.slice(secret.start, secret.end)),
        secret.text.slice(secret.end),
      ];
      secrets.push(value);
      text += `${random.of(['', ' ', '"', '\n', '('])}${before}${value}${after}${random.of([' ', '\n', '", ', ') '])}`;
    }
  }
  return { text, secrets };
}

/** Tokens in base64, among words. */
const encoded = (random: Random) => {
  const { text } = random.of(TOKENS);
  const code = Buffer.from(`${random.of(PROSE)}${text} it is`).toString(random.of(['base64', 'hex']));
  return random.of([code, code.replace(/.{48}/g, '$&\n')]);
};

/** Streams a text in pieces through the engine; returns what the client saw after each round but the last. */
async function stream(text: string, random: Random, largest: number) {
  const engine = engineOf(CHAIN);
  return streamThrough(engine, text, random, largest);
}

let streams = 0;

async function streamThrough(
  engine: ReturnType<typeof engineOf>,
  text: string,
  random: Random,
  largest: number,
) {
  const client = incrementalDiff();
  const seen: { shown: string; of: number }[] = [];
  const litellm_call_id = `stream-${streams++}`;
  const units = Array.from(text);
  for (let end = 0; end < units.length; ) {
    end = Math.min(units.length, end + 1 + random.below(largest));
    const part = units.slice(0, end).join('');
    const { texts, holdback } = await engine.judge({
      input_type: 'response',
      litellm_call_id,
      texts: [part],
    });
    client.round(rewritesOf(texts)[part] ?? part, holdback[0] ?? 0, end === units.length);
    if (end < units.length) seen.push({ shown: client.shown(), of: end });
  }
  return { seen, final: client.shown() };
}

describe('a redacted stream in incremental_diff', () => {
  const engine = engineOf(CHAIN);

  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'shows no four characters of a secret, takes nothing back, and ends as the whole response would (seed %i)',
    async (seed) => {
      const random = seeded(seed * 7919 + 17);
      for (let run = 0; run < 5; run++) {
        const { text, secrets } = textOf(random);
        const { seen, final } = await streamThrough(engine, text, random, random.of([1, 3, 9, 40]));
        const whole = await engine.judge({ input_type: 'response', litellm_call_id: null, texts: [text] });
        const rewritten = rewritesOf(whole.texts)[text] ?? text;
        expect(final).toBe(rewritten);
        for (const { shown } of seen) expect(rewritten.startsWith(shown)).toBe(true);
        for (const secret of secrets) expect(final.includes(secret), secret.slice(0, 4)).toBe(false);
      }
    },
  );
});

describe('a redacted stream of disguised texts', () => {
  const engine = engineOf(CHAIN);

  test.each(Array.from({ length: 30 }, (_, seed) => seed))(
    'shows nothing that a redaction of the whole would not, and takes nothing back (seed %i)',
    async (seed) => {
      const random = seeded(seed * 6571 + 29);
      for (let run = 0; run < 2; run++) {
        let { text, secrets } = textOf(random, (written) => disguised(written, random));
        if (random.next() < 0.5) {
          const code = encoded(random);
          text = `${text} ${code}${random.of([' ', '.', '\n\n', '"'])} ${text}`;
          secrets = [...secrets, code];
        }
        const { seen, final } = await streamThrough(engine, text, random, random.of([2, 5, 12, 40]));
        const whole = await engine.judge({ input_type: 'response', litellm_call_id: null, texts: [text] });
        const rewritten = rewritesOf(whole.texts)[text] ?? text;
        expect(final).toBe(rewritten);
        expect(seen.filter(({ shown }) => !rewritten.startsWith(shown))).toEqual([]);
        for (const secret of secrets) expect(final.includes(secret), `${secret} in ${text}`).toBe(false);
      }
    },
  );
});

describe('a redacted stream of several choices', () => {
  const CHOICES = {
    chain: ['pii-detector'],
    policy: { 'pii-detector': { entities: ['EMAIL_ADDRESS'], redaction: { reversible: true } } },
  };
  const said = (name: string, i: number) =>
    `Choice ${i} says: write to ${name}.${i}@plums.example, or to ${name}@cakes.example; that is all. `;

  test.each([0, 1, 2, 3, 4, 5])(
    'takes nothing back, whichever begins first and whatever the others say later (seed %i)',
    async (seed) => {
      const random = seeded(seed * 31 + 5);
      const engine = engineOf(CHOICES);
      const whole = [said('ada', 0), said('bob', 1) + said('cem', 1), said('dora', 2)];
      const shown = whole.map(() => incrementalDiff());
      const ends = whole.map(() => 0);
      const litellm_call_id = `choices-${seed}`;
      for (let left = 2; left > 0; ) {
        whole.forEach((text, i) => {
          // The later choices begin first
          if (random.next() < 0.3 + i * 0.3) ends[i] = Math.min(text.length, ends[i]! + random.below(12));
        });
        const isFinal = whole.every((text, i) => ends[i] === text.length);
        if (isFinal) left--;
        // LiteLLM leaves out choices without text, in the order of their numbers
        const present = whole.flatMap((text, i) =>
          ends[i]! > 0 ? [{ i, part: text.slice(0, ends[i]) }] : [],
        );
        const { texts, holdback } = await engine.judge({
          input_type: 'response',
          litellm_call_id,
          model: 'gpt-4o',
          additional_provider_specific_params: { streaming_transform_mode: 'incremental_diff' },
          texts: present.map(({ part }) => part),
        });
        const rewrites = rewritesOf(texts);
        present.forEach(({ i, part }, at) => {
          shown[i]!.round(rewrites[part] ?? part, holdback[at] ?? 0, isFinal && left === 0);
        });
      }
      for (const client of shown) {
        expect(client.shown()).toContain('that is all. ');
        expect(client.shown()).not.toContain('@');
      }
    },
  );
});

describe('a response whose rounds are neither one text nor pure growth', () => {
  const engine = engineOf({ chain: ['secrets'] });
  const key = `ghp_${fill(36)}`;
  const text = `Here is what I found, at length: the key is ${key}, and it is the key of the depot. `;
  const judge = (litellm_call_id: string, texts: readonly string[], more: Record<string, unknown> = {}) =>
    engine.judge({ input_type: 'response', litellm_call_id, texts, ...more });

  test('has each secret redacted in its own text, though titles and addresses come before it', async () => {
    await judge('search', [text]);
    const title = `The depot publishes ${key} on its page`;
    const texts = [title, 'https://depot.example', `${text}More of it.`];
    const { continues, holdback, ...result } = await judge('search', texts);
    expect(rewritesOf(result.texts)).toEqual({
      [title]: 'The depot publishes [REDACTED] on its page',
      [`${text}More of it.`]: `${text.replace(key, '[REDACTED]')}More of it.`,
    });
    expect(continues).toBe(true);
    expect(holdback).toHaveLength(3);
  });

  test('is the same response once its arguments stand apart from its text', async () => {
    await judge('glued', [`${text}{"q":"a long question about the depot and its`]);
    const called = { id: 'c', type: 'function', index: 1, function: { name: 'f', arguments: '{"q":"x"}' } };
    const { continues, texts } = await judge('glued', [text], { tool_calls: [called] });
    expect(continues).toBe(true);
    expect(Object.values(rewritesOf(texts))).toEqual([text.replace(key, '[REDACTED]')]);
  });

  test('is the same response where a client hung up and its text is garbled', async () => {
    const clean = 'Once upon a time there was a depot in which nothing ever happened for a while and then';
    const first = await judge('left', [clean]);
    const garbled = await judge('left', [`${clean}nswer td then`]);
    expect([first, garbled].map(({ verdict, continues }) => [verdict, continues])).toEqual([
      ['allow', false],
      ['allow', true],
    ]);
  });
});

test('the end of a stream that is held back arrives with the finish reason', async () => {
  const client = incrementalDiff();
  const engine = engineOf({ chain: ['secrets'] });
  const text = 'It begins like a key: ghp_';
  for (const part of [text.slice(0, 20), text]) {
    const { holdback } = await engine.judge({ input_type: 'response', litellm_call_id: 'f', texts: [part] });
    client.round(part, holdback[0] ?? 0, false);
  }
  expect([client.shown(), client.atFinish()]).toEqual(['It begins like a key: ', undefined]);
  client.round(text, 4, true);
  expect([client.shown(), client.atFinish()]).toEqual([text, 'ghp_']);
});

describe('a clean stream', () => {
  test('holds back about a word at most', async () => {
    const random = seeded(3);
    const engine = engineOf(CHAIN);
    let held = 0;
    let rounds = 0;
    for (let run = 0; run < 20; run++) {
      const text = Array.from({ length: 150 }, () => random.of(PROSE)).join('');
      const { seen } = await streamThrough(engine, text, random, 8);
      for (const { shown, of } of seen) {
        held += of - Array.from(shown).length;
        rounds++;
      }
    }
    expect(held / rounds).toBeLessThan(12);
  });

  test('of code, numbers and quotes never holds back more than a line', async () => {
    const random = seeded(5);
    const lines = Array.from(
      { length: 80 },
      (_, i) =>
        `  const total_${i} = prices["item-${i}"] * ${i * 37}; // at 10:${10 + (i % 50)}, see RFC ${2119 + i}\n`,
    );
    const { seen } = await stream(lines.join(''), random, 6);
    for (const { shown, of } of seen) expect(of - Array.from(shown).length).toBeLessThan(100);
  });
});

test('a stream is blocked as soon as a finding is certain, and a possible one is held back before', async () => {
  const engine = engineOf({ chain: ['secrets'], policy: { secrets: { action: 'block' } } });
  const key = `ghp_${fill(36)}`;
  const text = `The key is ${key} for all.`;
  const client = incrementalDiff();
  for (let end = 1; end <= text.length; end++) {
    const part = text.slice(0, end);
    const result = await engine.judge({ input_type: 'response', litellm_call_id: 'b', texts: [part] });
    if (result.verdict === 'block') break;
    client.round(part, result.holdback[0] ?? 0, false);
  }
  expect(client.shown()).toBe('The key is ');
});
