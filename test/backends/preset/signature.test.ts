import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { json } from '../../support/fake-backend.ts';
import { askPreset } from '../../support/preset.ts';

const preset = (signature: string, secret = 'required') => `
title: House webhook
secret: ${secret}
judges: [request]
reads: texts
signature: ${signature}
asks: [{ path: /hook, body: { text: $text } }]
reply: { allow: [{ /ok: true }] }
`;
const STANDARD = `
  over: $id.$timestamp.$body
  headers: { webhook-id: $id, webhook-timestamp: $timestamp, webhook-signature: 'v1,$base64' }`;
const call = { texts: ['Grüße 👋'] };

test.each([
  { name: 'a secret that is a text', secret: 'house-secret', key: Buffer.from('house-secret') },
  { name: 'a secret in base64', secret: 'whsec_aG91c2Uta2V5', key: Buffer.from('house-key') },
])('a body is signed with its id and its time under $name', async ({ secret, key }) => {
  const { seen } = await askPreset(preset(STANDARD), json({ ok: true }), { call, secret });
  const { headers, text } = seen[0]!;
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  const expected = createHmac('sha256', key).update(signed).digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${expected}`);
  expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
  expect(headers['webhook-id']).toMatch(/^[0-9a-f-]{36}$/);
});

test('a signature is written as the preset says', async () => {
  const yaml = preset("{ algorithm: sha512, headers: { x-signature: 'sha512=$hex' } }");
  const { seen } = await askPreset(yaml, json({ ok: true }), { call, secret: 'key' });
  const expected = createHmac('sha512', 'key').update(seen[0]!.text).digest('hex');
  expect(seen[0]?.headers['x-signature']).toBe(`sha512=${expected}`);
});
