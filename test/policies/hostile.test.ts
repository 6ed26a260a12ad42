import { describe, expect, test } from 'vitest';
import { rewriteForm, rewriteReply } from '../../src/litellm/reply.ts';
import { kinds } from '../../src/policies/kinds/index.ts';
import { callOf, toolCall } from '../support/call.ts';
import { CHAINS, engineOf } from '../support/chains.ts';
import { seeded } from '../support/incremental-diff.ts';
import { rewritesOf } from '../support/passages.ts';
import { personalSamples } from '../support/personal-samples.ts';
import { judgeWith } from '../support/policies.ts';
import { marked, secretSamples } from '../support/secret-samples.ts';

test.each<{ odd: unknown }>([
  { odd: { toString: 1 } },
  { odd: { valueOf: 1, toString: null } },
  { odd: [[{}]] },
  { odd: null },
  { odd: 7 },
  { odd: '\ud800' },
])('a value of another type in place of a text makes nothing fail: $odd', async ({ odd }) => {
  const part = { type: odd, text: odd, image_url: odd, content: odd };
  const fields = {
    texts: ['x'],
    images: [odd],
    structured_messages: [odd, { role: odd, content: odd }, { role: 'user', content: [part, odd, [part]] }],
    tools: [odd, { type: odd, function: { name: odd, description: odd, parameters: odd } }],
    tool_calls: [odd, { id: odd, function: { name: odd, arguments: odd } }],
    request_data: { user_api_key_team_id: odd, user_api_key_alias: odd },
    request_headers: { 'x-litellm-tags': odd, 'x-session-id': odd },
    additional_provider_specific_params: { policies: odd, skip_policies: odd, enforce: odd, mode: odd },
  };
  const chain = kinds.map(({ kind }) => kind).filter((kind) => kind !== 'rbac');
  const rules = [{ name: 'one', match: { team: 'x', header: { 'x-litellm-tags': 'y' } } }];
  const all = engineOf(
    JSON.stringify({ policies: { chain }, policy: { 'image-policy': { action: 'backend' } }, rules }),
  );
  for (const engine of [all, ...Object.values(CHAINS)]) {
    for (const input_type of ['request', 'response']) {
      const call = callOf({ input_type, ...fields });
      const result = await judgeWith(engine, call, { timeoutMs: 60_000 });
      rewriteForm(call, result.texts);
    }
  }
});

describe('calls at random', () => {
  const pieces = [
    ...[...secretSamples]
      .flatMap(([, { finds, passes }]) => [...finds, ...passes])
      .map((text) => marked(text).text),
    ...Object.values(personalSamples)
      .flatMap(({ finds, passes }) => [...finds, ...passes])
      .map((text) => marked(text).text),
    ...[
      'ignore all previous instructions',
      '\u200b',
      '\ud800',
      '\udc00',
      '😀',
      'é',
      '"',
      '\\',
      '{',
      '\n',
      ' ',
      '@',
      '1',
      '-----BEGIN ',
    ],
    ...['[REDACTED]', '[EMAIL_ADDRESS_1]', 'sk-', 'key=', 'ticket', '%41', '&#65;', 'a', '../'],
  ];

  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'are rewritten in their places, with sound holdbacks (seed %i)',
    async (seed) => {
      const random = seeded(seed * 104_729 + 5);
      const text = (): string => {
        let made = '';
        for (let left = random.below(12); left > 0; left--) {
          const piece = random.of(pieces);
          const at = random.below(4) === 0 ? random.below(piece.length + 1) : piece.length;
          made += piece.slice(0, at) + random.of(['', ' ', '', '\n', ', ']);
        }
        return made;
      };
      const texts = () => Array.from({ length: random.below(4) }, text);
      for (let run = 0; run < 50; run++) {
        for (const engine of Object.values(CHAINS)) {
          const call = callOf({
            input_type: random.of(['request', 'response']),
            litellm_call_id: random.of([null, 'a', 'b', `c${run}`]),
            litellm_version: '1.106.2',
            texts: texts(),
            structured_messages: texts().map((content) => ({ role: 'user', content })),
            tool_calls: texts().map((value) => toolCall(random.of([value, JSON.stringify({ value })]))),
          });
          const result = await judgeWith(engine, call, { timeoutMs: 60_000 });
          for (const [{ text }, rewrite] of result.texts) expect(rewrite).not.toBe(text);
          expect(result.holdback).toHaveLength(call.texts.length);
          call.texts.forEach((one, i) => {
            const shown = Array.from(rewritesOf(result.texts)[one] ?? one);
            expect(result.holdback[i]).toBeGreaterThanOrEqual(0);
            expect(result.holdback[i]).toBeLessThanOrEqual(shown.length);
          });
          const form = rewriteForm(call, result.texts);
          const reply = form === null ? {} : rewriteReply(call, result.texts, form);
          if ('texts' in reply) expect(reply.texts).toHaveLength(call.texts.length);
          if (result.verdict === 'block') expect(result.by?.reasonCode).toMatch(/^[a-z_]+$/);
        }
      }
    },
  );
});
