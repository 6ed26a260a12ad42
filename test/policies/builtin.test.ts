import { describe, expect, test } from 'vitest';
import { hasCredential } from '../../src/detectors/remove.ts';
import { defaultPolicy, PolicyStore } from '../../src/policies/store.ts';
import { callOf, toolCall } from '../support/call.ts';
import { capitals, credentials, fill, pem } from '../support/credentials.ts';
import { judgeWith } from '../support/policies.ts';

describe('a credential', () => {
  test.each(credentials)('%s is found anywhere in a text', (_, secret) => {
    for (const text of [
      secret,
      `see ${secret} there`,
      `(${secret})`,
      `"${secret}"`,
      `key=${secret}`,
      `\n${secret}\n`,
      `one;${secret};two`,
      `Schlüssel:${secret}。`,
      `https://example.com/?k=${secret}&x=1`,
      JSON.stringify({ key: secret }),
      `${'many words before it. '.repeat(500)}${secret}${' and after it'.repeat(500)}`,
    ]) {
      expect(hasCredential(text), text.slice(0, 200)).toBe(true);
    }
  });

  test.each([
    ['nothing', ''],
    ['prose', 'Our task-force met in Malaysia; the ask-me-anything was risk-free.'],
    ['code', 'const sk = task.skip(1); // eyJust a comment, AIzation'],
    ['an AWS key that is too short', `AKIA${capitals(15)}`],
    ['an AWS key that is too long', `AKIA${capitals(17)}`],
    ['an AWS key within a word', `xAKIA${capitals(16)}`],
    ['an AWS key in small letters', `akia${fill(16, 'abcdefg')}`],
    ['the words for an AWS secret', 'Where do I set aws_secret_access_key, please?'],
    ['a GitHub token that is too short', `ghp_${fill(20)}`],
    ['a name with ghp_', 'ghp_token_of_the_build_machine_for_releases'],
    ['a Slack word', 'xoxo-love, xoxb-'],
    ['the words for a key', 'Put your key into OPENAI_API_KEY; it begins with sk- or sk-proj-.'],
    ['a model', 'task-sk-learn-sk-image-classification'],
    ['a placeholder', 'sk-your-key-goes-here and sk-xxxx'],
    ['a public key', pem('PUBLIC KEY')],
    ['a certificate', pem('CERTIFICATE')],
    ['a UUID', '3f2504e0-4f89-11d3-9a0c-0305e82c3301'],
    ['a digest', fill(64, '0123456789abcdef')],
    ['base64 of JSON', `eyJ${fill(200)}`],
    ['a JWT without a signature', `eyJ${fill(20)}.eyJ${fill(20)}.`],
    ['a Google id that is too short', `AIza${fill(20)}`],
  ])('%s is not mistaken for one', (_, text) => {
    expect(hasCredential(text)).toBe(false);
  });

  test.each([
    ['one letter', 'a'],
    ['blanks', ' '],
    ['openings of AWS keys', 'AKIA'],
    ['words for AWS secrets', 'aws secret '],
    ['words for AWS secrets that touch', 'awssecret='],
    ['quotes', '"\''],
    ['openings of tokens', 'sk-'],
    ['openings of longer tokens', 'sk-ant-api03-'],
    ['openings of project keys', 'sk-proj-'],
    ['openings of JWTs', 'eyJ'],
    ['openings of JWTs with dots', 'eyJaaaaaaaaaaaa.'],
    ['openings of PEM', '-----BEGIN '],
    ['openings of PEM with words', '-----BEGIN AA BB CC '],
    ['Slack', 'xoxb-'],
    ['Slack app tokens', 'xapp-1-AAAAAAAA-'],
    ['webhooks', 'hooks.slack.com/services/AAAAAA/'],
  ])('200 KB of %s before it do not hide it', (_, piece) => {
    const hostile = piece.repeat(Math.ceil(200_000 / piece.length));
    expect(typeof hasCredential(hostile)).toBe('boolean');
    const hidden = `${hostile} AKIA${capitals(16)}`;
    expect(hasCredential(hidden)).toBe(true);
  });
});

const SECRET = `AKIA${capitals(16)}`;
/** The built-in policy; its decision on a call as words. */
function builtinOf(bannedKeywords: readonly string[]) {
  const store = new PolicyStore(() => defaultPolicy(bannedKeywords), { backends: [], restores: () => false });
  return async (fields: Record<string, unknown>) => {
    const { verdict, by } = await judgeWith(store.engine, callOf(fields), { timeoutMs: 15_000 });
    return [verdict, by?.kind, by?.reasonCode].filter(Boolean).join(' ');
  };
}

const places: { name: string; call: Record<string, unknown> }[] = [
  { name: 'a text', call: { texts: ['a', `b ${SECRET}`] } },
  { name: 'a response', call: { input_type: 'response', texts: [SECRET] } },
  {
    name: 'a system prompt',
    call: { texts: ['a'], structured_messages: [{ role: 'system', content: SECRET }] },
  },
  {
    name: 'a tool result',
    call: { structured_messages: [{ role: 'tool', tool_call_id: 'x', content: SECRET }] },
  },
  {
    name: 'a part of a message',
    call: { structured_messages: [{ role: 'user', content: [{ type: 'text', text: SECRET }] }] },
  },
  {
    name: 'the arguments of a call in a row',
    call: { structured_messages: [{ role: 'assistant', tool_calls: [toolCall(`{"k":"${SECRET}"}`)] }] },
  },
  {
    name: 'the arguments of a call in a response',
    call: { input_type: 'response', tool_calls: [toolCall(`{"k":"${SECRET}"}`)] },
  },
  {
    name: 'the arguments of a call in the other dialect',
    call: {
      input_type: 'response',
      tool_calls: [{ index: 0, id: null, function: { name: null, arguments: SECRET } }],
    },
  },
  {
    name: 'the description of a tool',
    call: { texts: ['a'], tools: [{ type: 'function', function: { name: 'n', description: SECRET } }] },
  },
  {
    name: 'the last row of many that repeat the texts',
    call: {
      texts: Array.from({ length: 100 }, (_, i) => `text ${i}`),
      structured_messages: [
        ...Array.from({ length: 100 }, (_, i) => ({ role: 'user', content: `text ${i}` })),
        { role: 'user', content: SECRET },
      ],
    },
  },
];

describe('the built-in policy', () => {
  const judge = builtinOf(['Project Nightingale', 'STRASSE']);

  test.each(places)('blocks a credential in $name', async ({ call }) => {
    expect(await judge(call)).toBe('block secrets secret_detected');
  });

  test.each(places)('blocks a banned keyword in $name', async ({ call }) => {
    const fields = JSON.parse(JSON.stringify(call).replaceAll(SECRET, 'about pRoJeCt NIGHTINGALE!'));
    expect(await judge(fields)).toBe('block banned-keywords banned_keyword');
  });

  test.each(places)('allows harmless text in $name', async ({ call }) => {
    const fields = JSON.parse(JSON.stringify(call).replaceAll(SECRET, 'projects of nightingales'));
    expect(await judge(fields)).toBe('allow');
  });

  test('bans nothing where no keyword is set', async () => {
    expect(await builtinOf([])({ texts: ['', 'anything'] })).toBe('allow');
  });

  test('allows a call without texts', async () => {
    expect(await judge({})).toBe('allow');
  });
});
