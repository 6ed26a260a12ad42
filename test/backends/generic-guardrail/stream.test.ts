import { expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../../support/bridge.ts';
import { fakeBackend } from '../../support/closing.ts';
import { json } from '../../support/fake-backend.ts';
import { incrementalDiff } from '../../support/incremental-diff.ts';
import { listen } from '../../support/listen.ts';
import { policyFile } from '../../support/policy-file.ts';

const LINE = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj';
const KEY = ['-----BEGIN PRIVATE KEY-----', ...Array(12).fill(LINE), '-----END PRIVATE KEY-----'].join('\n');

/** Streams a text through a bridge that asks a server of the generic API; what the client sees of it after each round. */
async function streamed(url: string, text: string): Promise<string[]> {
  const backends = [{ name: 'last-bridge', kind: 'generic-guardrail', url, timeout: 20 }];
  const bridge = testBridge({ POLICY_FILE: policyFile({ policies: { chain: [] }, backends }) });
  onTestFinished(() => bridge.close());
  const signs = [...text];
  const client = incrementalDiff();
  const shown: string[] = [];
  for (let end = 0; end < signs.length; ) {
    end = Math.min(signs.length, end + 9);
    const present = signs.slice(0, end).join('');
    const { reply } = await bridge.ask({
      ...{ input_type: 'response', litellm_call_id: 'call-1', litellm_version: '1.110.2', model: 'm' },
      texts: [present],
      additional_provider_specific_params: { stream: true, streaming_transform_mode: 'incremental_diff' },
    });
    const { texts, stream_holdback_chars: holdback } = reply as Record<string, unknown[] | undefined>;
    client.round(`${texts?.[0] ?? present}`, Number(holdback?.[0] ?? 0), end === signs.length);
    shown.push(client.shown());
  }
  return shown;
}

test('a stream shows nothing of what another bridge redacts', async () => {
  const last = testBridge({
    POLICY_FILE: policyFile({ policies: { chain: ['secrets'] }, policy: { secrets: { action: 'redact' } } }),
  });
  const server = await listen(last);
  onTestFinished(async () => {
    await server.close();
    await last.close();
  });
  const shown = await streamed(
    server.url,
    `👋🏽 Here it is:\n${KEY}\nKeep it safe. It opens the door of the depot.\n`,
  );
  expect(shown.filter((text) => /MII|BEGIN/.test(text))).toEqual([]);
  expect(shown.at(-1)).toMatch(/^👋🏽 Here it is:\n\[REDACTED\]\nKeep it safe/);
});

test('a stream shows nothing that a server still holds back', async () => {
  const server = await fakeBackend((request, response) => {
    const [text = ''] = (request.body as { texts: string[] }).texts;
    const left = text.replace(/<plan>.*<\/plan>/s, '[PLAN]').replace(/👋🏽 dana/g, '[NAME]');
    const at = left.indexOf('<plan>');
    const stream_holdback_chars = [at < 0 ? 0 : [...left.slice(at)].length];
    const action = left === text ? { action: 'NONE' } : { action: 'GUARDRAIL_INTERVENED', texts: [left] };
    return json({ ...action, stream_holdback_chars })(request, response);
  });
  const plan = `<plan>${'We dig from the cellar. Then on. '.repeat(12)}</plan>`;
  const shown = await streamed(server.url, `Hello 👋🏽 dana. ${plan} That is all that there is to say. `);
  expect(shown.filter((text) => /plan|dig/.test(text))).toEqual([]);
  expect(shown.at(-1)).toBe('Hello [NAME]. [PLAN] That is all that there is to say. ');
});
