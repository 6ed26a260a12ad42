import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoRedacts } from '../../support/akto.ts';
import { testBridge } from '../../support/bridge.ts';
import { type Reply, startFakeBackend } from '../../support/fake-backend.ts';

/** A bridge that asks a vendor as several Aktos, of which all but the last have the same settings. */
async function several(reply: Reply) {
  const vendor = await startFakeBackend(reply);
  const folder = mkdtempSync(join(tmpdir(), 'aktos-'));
  const POLICY_FILE = join(folder, 'policy.yaml');
  const entry = { kind: 'akto', url: vendor.url };
  const backends = [
    { ...entry, name: 'one', secret: { env: 'ONE' } },
    { ...entry, name: 'two', secret: { env: 'TWO' } },
    { ...entry, name: 'three', secret: { env: 'TWO' }, account_id: '2000000' },
  ];
  writeFileSync(POLICY_FILE, JSON.stringify({ backends }));
  const bridge = testBridge({ POLICY_FILE, ONE: 'token-1', TWO: 'token-2' });
  onTestFinished(async () => {
    await bridge.close();
    await vendor.close();
    rmSync(folder, { recursive: true });
  });
  const ask = async (input_type: string, text: string) => {
    const { length } = vendor.seen;
    const call = { input_type, litellm_call_id: 'call-1', model: 'house', litellm_version: '1.110.2' };
    const params = { additional_provider_specific_params: { stream: false } };
    const structured_messages = input_type === 'request' ? [{ role: 'user', content: text }] : null;
    const { reply } = await bridge.ask({ ...call, ...params, structured_messages, texts: [text] });
    return { reply, seen: vendor.seen.slice(length) };
  };
  return { ask };
}

test('Aktos with the same settings are sent the same, each with its own token and account', async () => {
  const { ask } = await several(aktoAllows);
  await ask('request', 'Where is Dana?');
  for (const [input_type, text] of [
    ['request', 'Who is Dana?'],
    ['response', 'Dana lives in Rome.'],
  ] as const) {
    const { seen } = await ask(input_type, text);
    const of = (token: string) => seen.filter(({ headers }) => headers.authorization === token);
    const [one] = of('token-1');
    const [two, three] = of('token-2').sort((a, b) => a.text.localeCompare(b.text));
    expect(seen).toHaveLength(3);
    expect(two?.text).toBe(one?.text);
    expect(one?.body).toMatchObject({ akto_account_id: '1000000' });
    const other = { ...(one?.body as object), akto_account_id: '2000000', time: expect.any(String) };
    expect(three?.body).toEqual(other);
    expect(one?.text).toContain(text);
  }
});

test('what each of them redacts is redacted', async () => {
  const { ask } = await several(aktoRedacts('Dana', '[NAME]'));
  const { reply } = await ask('request', 'Where is Dana?');
  expect(reply).toMatchObject({ action: 'GUARDRAIL_INTERVENED', texts: ['Where is [NAME]?'] });
});
