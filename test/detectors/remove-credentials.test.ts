import { describe, expect, test } from 'vitest';
import { removeCredentials } from '../../src/detectors/remove.ts';
import { capitals, credentials, fill, jwt, pem } from '../support/credentials.ts';
import { growth } from '../support/linear.ts';

const end = (kind: string) => pem(kind).replace('BEGIN', 'END');
const key = (kind: string) => `${pem(kind)}\nMIIEvQ${fill(60)}\n${fill(64)}\n${end(kind)}`;
const aws = `AKIA${capitals(16)}`;

describe('removing credentials', () => {
  test.each(credentials)('takes the whole of %s', (_, secret) => {
    for (const text of [
      secret,
      `see ${secret} there`,
      `("${secret}")`,
      JSON.stringify({ key: `\n${secret}` }),
      JSON.stringify(JSON.stringify({ key: `\n${secret}` })),
      `https://a.example/?k=${encodeURIComponent(secret)}&x=1`,
      secret.replace(/./gs, '$&\u200b'),
    ]) {
      const clean = removeCredentials(text);
      expect(clean).toContain('[REDACTED]');
      expect(clean).not.toContain(secret.slice(-12));
      expect(removeCredentials(clean)).toBe(clean);
    }
  });

  test.each(credentials)('takes base64 and hex of %s', (_, secret) => {
    const bytes = Buffer.from(`token: ${secret}\n`);
    for (const code of ['base64', 'base64url', 'hex'] as const) {
      expect(removeCredentials(`see ${bytes.toString(code).replace(/=+$/, '')} there`)).toBe(
        'see [REDACTED] there',
      );
    }
  });

  test.each<[string, string, string]>([
    ['several', `${aws}, ${jwt} and ${aws}.`, '[REDACTED], [REDACTED] and [REDACTED].'],
    ['a longer token than the shape asks for', `ghp_${fill(90)}.`, '[REDACTED].'],
    ['what names it', `aws_secret_access_key = ${fill(40)};`, 'aws_secret_access_key = [REDACTED];'],
    ['a private key', `a\n${key('RSA PRIVATE KEY')}\nb`, 'a\n[REDACTED]\nb'],
    ['two private keys', `${key('PRIVATE KEY')} ${key('EC PRIVATE KEY')}`, '[REDACTED] [REDACTED]'],
    ['a private key that is cut off', `a ${pem('PRIVATE KEY')}\n${fill(64)}\nand b`, 'a [REDACTED]\nand b'],
    ['a virtual key of LiteLLM', `Key=sk-${fill(22)}.`, 'Key=[REDACTED].'],
  ])('leaves the text around %s', (_, text, clean) => {
    expect(removeCredentials(text)).toBe(clean);
  });

  test.each([
    'Our task-force met in Malaysia; the ask-me-anything was risk-free.',
    'sk-your-key-goes-here-ok and task-sk-learn-sk-image-classification',
    `${pem('PUBLIC KEY')}\nMIIB\n${end('PUBLIC KEY')}`,
    `xAKIA${capitals(16)}`,
    '',
  ])('leaves %j as it is', (text) => {
    expect(removeCredentials(text)).toBe(text);
  });

  test.each([
    ['a token', { key: aws, other: 'stays' }],
    ['a name and its value', { AwsSecretKey: fill(40), other: 'stays' }],
    ['a whole private key', { key: key('PRIVATE KEY'), other: 'stays' }],
    [
      'private keys that are cut off',
      { key: [pem('PRIVATE KEY'), `${pem('PRIVATE KEY')}\n${fill(64)}`], other: 'stays' },
    ],
  ])('keeps JSON with %s valid', (_, value) => {
    const clean = JSON.parse(removeCredentials(JSON.stringify(value)));
    expect(clean.other).toBe('stays');
    expect(JSON.stringify(clean)).toContain('[REDACTED]');
  });

  test.each([
    'AKIA',
    'aws secret ',
    'awssecret=',
    'sk-',
    'sk-ant-api03-',
    'eyJ',
    'eyJaaaaaaaaaaaa.',
    '-----BEGIN ',
    '-----BEGIN AA BB CC ',
    pem('PRIVATE KEY'),
    `"${pem('PRIVATE KEY')}",`,
    `${pem('PRIVATE KEY')}\n${fill(64)}\n`,
    `${fill(64)}\n`,
    'ghp_a',
    'xoxb-',
    '\\nsk-',
  ])('reads many %j in linear time', (piece) => {
    expect(growth(removeCredentials, piece)).toBeLessThan(3);
  });

  test('reads JSON of many cut-off private keys in linear time', () => {
    const list = (text: string) => removeCredentials(`[${text.slice(0, text.lastIndexOf(','))}]`);
    expect(growth(list, `"${pem('PRIVATE KEY')}\\n${fill(64)}",`)).toBeLessThan(3);
  });
});
