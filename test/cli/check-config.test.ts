import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { checkConfig } from '../../src/cli/check-config.ts';
import { parseConfig } from '../../src/config/config.ts';
import { runChild } from '../support/child.ts';

const folder = mkdtempSync(join(tmpdir(), 'check-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function saved(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const textFor = (env: Record<string, string>) => checkConfig(parseConfig(env, backends));

const CAPSULE = {
  CAPSULE_LITELLM_ENDPOINT: 'https://capsule.example.com',
  CAPSULE_LITELLM_TOKEN: 'hidden',
};

test.each([
  [
    'nothing is configured',
    {},
    /^policies built-in \(version \w{12}\): prompt-injection, secrets; 0 rules$/m,
  ],
  [
    'words are banned',
    { BANNED_KEYWORDS: 'hidden-one,hidden-two' },
    /^policies built-in \(version \w{12}\): prompt-injection, secrets, banned-keywords; 0 rules; 2 banned keywords$/m,
  ],
  ['a vendor is configured', CAPSULE, /^policies none$/m],
  ['nobody judges', { BUILTIN_POLICY: 'off' }, /^policies none$/m],
])('where %s check-config names the policies in force', (_, env, line) => {
  const text = textFor(env);
  expect(text).toMatch(line);
  expect(text).not.toContain('hidden');
});

test.each([
  [
    '',
    /^responses are redacted where parameters of the guardrail say that LiteLLM delivers it, and blocked elsewhere$/m,
  ],
  ['block', /^responses that would be redacted are blocked$/m],
  ['rewrite', /^responses are redacted also where no parameter says how LiteLLM delivers them/m],
])('check-config says what becomes of a response that would be redacted (%s)', (RESPONSE_REDACTION, line) => {
  expect(textFor({ RESPONSE_REDACTION })).toMatch(line);
});

test('check-config says how several backends are asked', () => {
  const POLICY_FILE = saved(
    'several.yaml',
    `backends:
  - { name: one, kind: akto, url: "https://akto.example", secret: { env: HOUSE_KEY }, hedge_after: 0.3 }
  - { name: two, kind: akto, url: "https://akto.example", secret: { env: HOUSE_KEY }, mode: shadow, sample: 10 }
  - { name: three, kind: akto, url: "https://akto.example", secret: { env: HOUSE_KEY } }
orchestration: { quorum: 2 }
on_error: next
`,
  );
  const text = textFor({ POLICY_FILE, HOUSE_KEY: 'hidden' });
  expect(text).toMatch(/^policies .*; 0 rules; backends by quorum 2; on_error next$/m);
  expect(text).toMatch(/^backend one at .*, enforce, asked again after 0\.3 s$/m);
  expect(text).toMatch(/^backend two at .*, shadow, 10 % of the calls$/m);
  expect(text).toMatch(/^backend three at .*, enforce$/m);
});

test('check-config names the policies of a file, those that only observe, its rules and its warnings', () => {
  const POLICY_FILE = saved(
    'policy.yaml',
    `pack: { name: shop, version: 1.0.0 }
providers: {}
policies: { chain: [size-limits, secrets, banned-keywords] }
policy:
  size-limits: { max_messages: 100 }
  secrets: { mode: observe }
  banned-keywords: { keywords: [hidden-word], mode: sample, sample: 10 }
rules: [{ name: guests, match: { team: guests }, chain: [size-limits] }]
`,
  );
  const text = textFor({ POLICY_FILE });
  expect(text).toMatch(
    /^policies shop \(version \w{12}\): size-limits, secrets \(observe\), banned-keywords \(sample 10 %\); 1 rule$/m,
  );
  expect(text).toContain('warning: providers: read over, and without effect here\n');
  expect(text).not.toContain('hidden');
});

test('check-config warns of an AUDIT_KEY without an audit log', () => {
  const AUDIT_KEY = 'hidden-sixteen-or-more';
  const warning = /^warning: AUDIT_KEY seals nothing: put audit-logger into a chain/m;
  expect(textFor({ AUDIT_KEY })).toMatch(warning);
  const [off, on] = ['secrets', 'secrets, audit-logger'].map((chain) =>
    textFor({ AUDIT_KEY, POLICY_FILE: saved(`${chain}.yaml`, `policies: { chain: [${chain}] }`) }),
  );
  expect(off).toMatch(warning);
  expect(on).not.toMatch(warning);
  expect(`${off}${on}`).not.toContain('hidden');
});

test('a rule may only name vendors that are configured', () => {
  const POLICY_FILE = saved(
    'vendors.yaml',
    `policies: { chain: [secrets] }
rules: [{ name: guests, match: { team: guests }, backends: [capsule] }]
`,
  );
  expect(textFor({ POLICY_FILE, ...CAPSULE })).toContain('secrets; 1 rule\n');
  expect(() => textFor({ POLICY_FILE })).toThrow('line 2: rules[0].backends[0]: "capsule" is no backend');
});

test.concurrent.each([
  [
    'cannot be used',
    'policies: { chain: [secrest] }',
    'line 1: policies.chain[0]: "secrest" is no kind of policy',
  ],
  ['is not there', undefined, 'POLICY_FILE: cannot be read (ENOENT)'],
])('a policy file that %s ends it with exit code 1, as it ends serve', async (what, text, problem) => {
  const POLICY_FILE =
    text === undefined ? join(folder, 'none.yaml') : saved(`${what.replaceAll(' ', '-')}.yaml`, text);
  for (const [command, env] of [
    ['check-config', {}],
    ['serve', {}],
    ['serve', { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }],
  ] as const) {
    const { code, stdout, stderr } = await runChild({
      args: [command],
      env: { ...{ POLICY_FILE, PORT: '0' }, ...env },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(problem);
    expect(stderr).not.toContain('    at ');
  }
});

test('calls that are kept with their content are told, and none where none are', () => {
  expect(textFor({ REPLAY_DAYS: '7' })).toContain(
    'REPLAY_DAYS: calls are kept with their content in ./data, to be judged again: 7 days, at most ',
  );
  expect(textFor({})).not.toContain('REPLAY_DAYS');
});
