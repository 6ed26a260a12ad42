import { describe, expect, test } from 'vitest';
import { removeCredentials } from '../../../src/detectors/remove.ts';
import { rewritesOf } from '../../support/passages.ts';
import { engineOf } from '../../support/policies.ts';

const KEY = `ghp_${'aB3dE5gH7jK9mN1pQ'.repeat(3).slice(0, 36)}`;

const left = async (text: string) => {
  const { texts } = await engineOf({ chain: ['secrets', 'pii-detector'] }).judge({ texts: [text] });
  return rewritesOf(texts)[text] ?? text;
};

describe('a value that the view ends or lengthens is found as it is written', () => {
  test.each([
    [
      'a password in an address, a slash coded',
      'postgres://app:Rk8%2FvQ2xLw0rd9Kx@db.internal:5432/x',
      'Rk8',
    ],
    ['a password in an address, an at sign coded', 'amqp://app:p%40ssW0rd9xQ@mq.internal/x', 'p%40'],
    [
      'an address with a character that shows nothing behind it',
      'to ada.frost@example.com\u200bSchedule',
      'ada',
    ],
    ['a key with a soft hyphen and a word behind it', `use ${KEY}\u00adnext`, 'ghp_'],
  ])('%s', async (_, text, gone) => {
    expect(await left(text)).not.toContain(gone);
  });

  test('and what is undone at its edge stays', async () => {
    expect(await left('{"to":"\\nada.frost@example.com\\tand"}')).toBe('{"to":"\\n[EMAIL_ADDRESS]\\tand"}');
    expect(await left('mail=%20ada.frost%40example.com%20ok')).toBe('mail=%20[EMAIL_ADDRESS]%20ok');
  });

  test('and the host behind a password stays', async () => {
    expect(await left('postgres://app:p%40ssW0rd9x@db.acme.io/x')).toBe(
      'postgres://app:[REDACTED]@db.acme.io/x',
    );
    expect(await left('amqp://app:kQ7%2FzR9x%3Aw2@mq.acme.io')).toBe('amqp://app:[REDACTED]@mq.acme.io');
  });

  test('in records too', () => {
    expect(removeCredentials(`use ${KEY}\u00adnext`)).not.toContain('ghp_');
  });
});
