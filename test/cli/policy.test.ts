import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callsOf } from '../../src/answers/golden-calls.ts';
import { filled, readCases } from '../../src/answers/golden-cases.ts';
import { runCli } from '../support/cli.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function saved(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const POLICY = `pack: { name: shop, version: 1.0.0 }
policies: { chain: [banned-keywords, secrets] }
policy:
  banned-keywords: { keywords: [nightingale], mode: observe }
  secrets: { action: redact }
`;

const runPolicy = (...args: string[]) => runCli(['policy', ...args]);

describe('policy lint', () => {
  test('summarises a file that can be used', async () => {
    const path = saved('good.yaml', `${POLICY}providers: {}\n`);
    expect(await runPolicy('lint', path)).toEqual({
      code: 0,
      out: expect.stringMatching(
        /^shop \(version [0-9a-f]{12}\): banned-keywords, secrets; 0 rules by caller\nThe policy file can be used\.\n$/,
      ),
      err: 'warning: providers: read over, and without effect here\n',
    });
  });

  test('names every mistake with its line, and ends with 1', async () => {
    const path = saved('bad.yaml', POLICY.replace('action', 'actoin').replace('mode', 'moed'));
    expect(await runPolicy('lint', path)).toEqual({
      code: 1,
      out: '',
      err: `The policy file ${path} cannot be used:
  line 4: policy.banned-keywords.moed: is not known; did you mean mode?
  line 5: policy.secrets.actoin: is not known; did you mean action?
`,
    });
  });

  test('knows the backends that the environment sets up', async () => {
    const env = { CAPSULE_LITELLM_ENDPOINT: 'http://localhost:1', CAPSULE_LITELLM_TOKEN: 'x' };
    const lint = (name: string) =>
      runCli(['policy', 'lint', saved('twin.yaml', `backends: [{ name: ${name}, kind: capsule }]`)], { env });
    expect(await lint('house')).toMatchObject({
      code: 0,
      err: expect.stringContaining('house is the account that variables of the environment set up'),
    });
    expect(await lint('capsule')).toMatchObject({
      code: 1,
      err: expect.stringContaining('"capsule" is the name of a backend of the environment'),
    });
  });

  test('writes JSON with --json', async () => {
    const good = await runPolicy('lint', '--json', saved('good.yaml', POLICY));
    expect(good).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(good.out)).toEqual({
      ok: true,
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
      problems: [],
      warnings: [],
    });
    const bad = await runPolicy('lint', '--json', saved('bad.yaml', 'policies: {}'));
    expect(bad).toMatchObject({ code: 1, err: '' });
    expect(JSON.parse(bad.out)).toEqual({
      ok: false,
      version: null,
      problems: ['line 1: policies.chain: is missing'],
      warnings: [],
    });
  });

  test('names a backend that does not exist as a mistake', async () => {
    const path = saved('rule.yaml', `${POLICY}rules: [{ name: a, backends: [acto] }]\n`);
    const { err } = await runPolicy('lint', path);
    expect(err).toContain('line 6: rules[0].backends[0]: "acto" is no backend; did you mean akto?');
  });

  test('says if there is no file', async () => {
    const path = join(folder, 'none.yaml');
    expect(await runPolicy('lint', path)).toEqual({
      ...{
        code: 1,
        out: '',
        err: `guardrail-bridge: ${path} cannot be read (ENOENT): there is no ${path}\n`,
      },
    });
  });
});

describe('policy test', () => {
  const CASES = `cases:
  - name: nothing
    input: { messages: [{ role: user, content: Hello }] }
    expected: { verdict: allow, reason_code: all.policies.passed }
  - name: a key
    input: { messages: [{ role: user, content: 'My key: AKIA{{upper 16}}' }] }
    expected: { verdict: redact, reason_code: secret.detected, text: 'My key: [REDACTED]' }
  - name: in the response
    input: { upstream_response: 'AKIA{{upper 16}}' }
    expected: { verdict: redact, reason_code: secret_detected }
`;

  test('writes a line for each case', async () => {
    const result = await runPolicy('test', saved('good.yaml', POLICY), saved('cases.yaml', CASES));
    expect(result).toEqual({
      code: 0,
      out: 'ok    nothing: allow\nok    a key: redact\nok    in the response: redact\n3 cases, 0 failed\n',
      err: '',
    });
  });

  test.each([
    ['verdict: redact', 'verdict: block', 'expected block, got redact (secret_detected aws-'],
    ['secret.detected', 'pii.detected', 'expected the reason pii.detected, got secret_detected'],
    ["text: 'My", "rule: zebra, text: 'My", 'expected the rule zebra, got '],
    [
      "'My key: [REDACTED]'",
      "'My key: ***'",
      'the text differs from character 9 on: expected "My key: ***", got "My key: [REDACTED]"',
    ],
  ])('fails for a case with another result: %s → %s', async (from, to, said) => {
    const cases = saved('cases.yaml', CASES.replace(from, to));
    const { code, out, err } = await runPolicy('test', saved('good.yaml', POLICY), cases);
    expect(code).toBe(1);
    expect(out).toContain('3 cases, 1 failed\n');
    expect(err).toMatch(/^FAIL {2}a key: /);
    expect(err).toContain(said);
    expect(err).not.toContain('AKIA');
  });

  test('writes the JSON of Keeptrusts with --json', async () => {
    const cases = saved(
      'case.json',
      JSON.stringify({
        name: 'both',
        input: { messages: [{ role: 'user', content: 'nightingale, AKIA{{upper 16}}' }] },
        expected: { verdict: 'redact' },
      }),
    );
    const { code, out } = await runPolicy('test', saved('good.yaml', POLICY), cases, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      ok: true,
      results: [
        {
          name: 'both',
          verdict: 'redact',
          reason_code: 'secret_detected',
          passed: true,
          details: {
            policy_results: [
              { policy: 'secrets', verdict: 'redact', rules: expect.any(Array), enforced: true },
              { policy: 'banned-keywords', verdict: 'block', rules: expect.any(Array), enforced: false },
            ],
            quality_scores: {},
          },
        },
      ],
    });
  });

  test('names mistakes in the cases with their lines, and judges none', async () => {
    const cases = saved(
      'cases.yaml',
      CASES.replace('expected', 'expect').replace('verdict: redact', 'verdict: deny'),
    );
    expect(await runPolicy('test', saved('good.yaml', POLICY), cases)).toMatchObject({
      err: `guardrail-bridge: the cases cannot be used:
  line 2: cases[0].expected: is missing
  line 4: cases[0].expect: is not known; did you mean expected?
  line 7: cases[1].expected.verdict: must be allow or block or redact, not "deny"
`,
    });
  });

  test.each(['', '[]', 'cases: []', '5', 'cases: 5', '{', '- 1'])(
    'refuses a file without cases: %j',
    async (text) => {
      const result = await runPolicy('test', saved('good.yaml', POLICY), saved('none.yaml', text));
      expect(result).toMatchObject({
        ...{ code: 1, out: '', err: expect.stringContaining('the cases cannot be used:\n  ') },
      });
    },
  );
});

describe('golden cases', () => {
  const one = (input: string) =>
    readCases(`{name: a, input: ${input}, expected: {verdict: allow}}`)[0]!.input;

  test('make two calls of one id from a request and its response', () => {
    const [request, response, ...more] = callsOf(
      one(`{
        messages: [
          {role: system, content: Be brief.},
          {role: user, content: [{type: text, text: What is it?}, {type: image_url, image_url: {url: 'https://a.example/b.png'}}]},
          {role: assistant, content: null, tool_calls: [{id: c9, function: {name: look, arguments: '{}'}}]}],
        headers: {X-User-ID: u-17},
        request: {model: gpt-4o, max_tokens: 5, tools: [{type: function, function: {name: look}}]},
        upstream_response: {content: A cake., tool_calls: [{name: eat, arguments: {what: cake}}]},
        identity: {team_id: t, key_alias: k, key_hash: h, user_id: u, email: e, end_user: c, org: o},
        proxy_name: p, team_slugs: [slug]}`),
      'id',
    );
    expect(more).toEqual([]);
    expect(request).toMatchObject({
      input_type: 'request',
      litellm_call_id: 'id',
      model: 'gpt-4o',
      texts: ['Be brief.', 'What is it?'],
      images: ['https://a.example/b.png'],
      tools: [{ type: 'function', function: { name: 'look' } }],
      tool_calls: [{ id: 'c9', type: 'function', function: { name: 'look', arguments: '{}' } }],
      request_data: {
        user_api_key_team_alias: 'slug',
        user_api_key_team_id: 't',
        user_api_key_alias: 'k',
        user_api_key_hash: 'h',
        user_api_key_user_id: 'u',
        user_api_key_user_email: 'e',
        user_api_key_end_user_id: 'c',
        user_api_key_org_id: 'o',
      },
      request_headers: { 'X-User-ID': 'u-17' },
      additional_provider_specific_params: { max_tokens: 5 },
    });
    expect(request?.structured_messages).toHaveLength(3);
    expect(response).toMatchObject({
      input_type: 'response',
      litellm_call_id: 'id',
      texts: ['A cake.'],
      structured_messages: [],
      tool_calls: [
        { id: 'call_1', type: 'function', function: { name: 'eat', arguments: '{"what":"cake"}' } },
      ],
    });
  });

  test.each([
    ['{upstream_response: Hi}', ['response']],
    ['{upstream_response: ""}', ['response']],
    ['{messages: []}', ['request']],
    ['{request: {model: x}, upstream_response: Hi}', ['request', 'response']],
    ['{request: {messages: [{role: user, content: Hi}]}}', ['request']],
  ])('make the calls of %s', (input, expected) => {
    expect(callsOf(one(input), 'id').map(({ input_type }) => input_type)).toEqual(expected);
  });

  test('may hold a whole completion', () => {
    const [, response] = callsOf(
      one('{request: {model: x}, upstream_response: {choices: [{message: {content: Hi}}]}}'),
      'id',
    );
    expect(response?.texts).toEqual(['Hi']);
  });

  test.each([
    ['hex 32', /^[0-9a-f]{32}$/],
    ['alnum 36', /^(?=.*\d)(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9]{36}$/],
    ['upper 16', /^[A-Z0-9]{16}$/],
    ['lower 20', /^[a-z0-9]{20}$/],
    ['digits 12', /^\d{12}$/],
    ['base64 86', /^[A-Za-z0-9+/]{86}$/],
  ])('have {{%s}} filled, always with the same text', (what, pattern) => {
    expect(filled(`{{${what}}}`)).toMatch(pattern);
    expect(filled(`{{${what}}}`)).toBe(filled(`{{${what}}}`));
  });

  test('keep other braces', () => {
    expect(filled('{{name}} {{hex}} {{hex 99999}}')).toBe('{{name}} {{hex}} {{hex 99999}}');
  });
});

test.each([
  [['policy', 'lnit'], "unknown command 'lnit' (did you mean one of init, lint?)", 'policy'],
  [['policy', 'lint'], 'policy lint needs a FILE', 'policy lint'],
  [
    ['policy', 'lint', 'a', 'b'],
    "too many arguments for 'lint'. Expected 1 argument but got 2: a, b",
    'policy lint',
  ],
  [['policy', 'lint', 'a', '--josn'], "unknown option '--josn' (did you mean --json?)", 'policy lint'],
  [['policy', 'test', 'a'], "missing required argument 'cases'", 'policy test'],
  [['check', '--stream', 'x'], '--stream and --transform are about responses; add --response', 'check'],
  [
    ['check', '--header', 'x-role', 'x'],
    "option '--header <name:value>' argument 'x-role' is invalid. Write NAME:VALUE, not \"x-role\"",
    'check',
  ],
  [['check', '--policy', 'p'], "missing required argument 'text'", 'check'],
  [
    ['check', '--policy', 'p', 'a', 'b'],
    "too many arguments for 'check'. Expected 1 argument but got 2: a, b",
    'check',
  ],
])('%j is a wrong command line', async (args, problem, command) => {
  const err = `guardrail-bridge: ${problem}; see guardrail-bridge ${command} --help\n`;
  expect(await runCli(args)).toEqual({ code: 2, out: '', err });
});
