import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { misspeltVariables } from '../../src/config/misspelt.ts';
import { unreadLines } from '../../src/config/read.ts';
import { runChild } from '../support/child.ts';
import { runCli } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'wrong-'));
afterAll(() => rmSync(folder, { recursive: true }));
const missing = join(folder, 'none.yaml');
const beside = relative(process.cwd(), missing);
const SECRET = 'hunter2-hunter2-hunter2';

describe('a wrong setting is named with its value, unless it is a secret, and what to write', () => {
  test.each([
    [{ PORT: 'http' }, 'PORT: write a whole number from 0 to 65535; it is "http"'],
    [{ PORT: '99999' }, 'PORT: write a whole number from 0 to 65535; it is "99999"'],
    [{ HOST: '0.0.0.0' }, 'BRIDGE_API_KEYS: missing; HOST is not loopback. Set keys, or ALLOW_UNAUTH'],
    [
      { LOG_LEVEL: 'verbose' },
      'LOG_LEVEL: write one of fatal, error, warn, info, debug, trace, silent; it is',
    ],
    [{ GUARDRAIL_TIMEOUT: '5s' }, 'GUARDRAIL_TIMEOUT: write a positive number of seconds; it is "5s"'],
    [{ UNREACHABLE_FALLBACK: 'open' }, 'write one of fail_closed, fail_open, defer; it is "open"'],
    [{ WORKERS: 'many' }, 'WORKERS: write a whole number from 1 to 64, or auto; it is "many"'],
    [{ TELEMETRY: 'maybe' }, 'TELEMETRY: write true or false; it is "maybe"'],
    [{ ALLOWED_IPS: '10.0.0.0/33' }, 'ALLOWED_IPS: entry 1: write an address like 10.1.2.3'],
    [{ BRIDGE_API_KEYS: ',' }, 'BRIDGE_API_KEYS: write at least one key'],
    [{ BRIDGE_API_KEYS: `${SECRET}é` }, 'BRIDGE_API_KEYS: write printable ASCII without line breaks'],
    [{ DATABASE_URL: `mysql://u:${SECRET}@h/db` }, 'DATABASE_URL: write an address like postgres://'],
    [{ STATE_KEY: SECRET }, 'STATE_KEY: write 64 hexadecimal digits, such as `openssl rand -hex 32` prints'],
    [{ AUDIT_KEY: 'hunter2' }, 'AUDIT_KEY: write at least 16 characters'],
    [{ HTTPS_PROXY: `${SECRET}:3128` }, 'HTTPS_PROXY: write an address like http://proxy.example:3128'],
    [{ AKTO_API_KEY: SECRET }, 'AKTO_GUARDRAIL_API_BASE: missing; AKTO_API_KEY is set, so akto is wanted'],
    [{ BANNED_KEYWORDS: 'hunter2', POLICY_FILE: 'p' }, 'write them under policy.banned-keywords there'],
    [
      { POLICY_FILE: missing },
      `POLICY_FILE: cannot be read (ENOENT): there is no ${missing}; write the path`,
    ],
    [{ POLICY_FILE: beside }, `there is no ${missing}, as relative paths begin in the working directory`],
    [{ POLICY_FILE: folder }, `POLICY_FILE: cannot be read (EISDIR): ${folder} is a folder`],
  ])('%j', async (env, problem) => {
    const { code, out, err } = await runCli(['config'], { env: env as Record<string, string> });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^The configuration cannot be used:\n {2}/);
    expect(err).toContain(problem);
    expect(err).not.toContain('hunter2');
  });

  test.each([
    [{ POLICY_FLIE: 'x' }, 'POLICY_FLIE is set and not read by the bridge; did you mean POLICY_FILE?'],
    [
      { BRIDGE_API_KEY: SECRET },
      'BRIDGE_API_KEY is set and not read by the bridge; did you mean BRIDGE_API_KEYS?',
    ],
    [{ LOGLEVEL: 'warn' }, 'LOGLEVEL is set and not read by the bridge; did you mean LOG_LEVEL?'],
    [
      { AKTO_APIKEY: SECRET },
      'AKTO_APIKEY is set and not read by the bridge; is it misspelt? Did you mean AKTO_API_KEY?',
    ],
    [
      { BLOCKED_MESSAGE: 'No {refs}' },
      'BLOCKED_MESSAGE: {refs} is no placeholder and stays as it is; did you mean ref?',
    ],
  ])('%j is warned about', async (env, warning) => {
    const { code, out } = await runCli(['config'], { env: env as Record<string, string> });
    expect(code).toBe(0);
    expect(out).toContain(`\nwarning: ${warning}\n`);
    expect(out).not.toContain('hunter2');
  });

  test.each([
    'FTP_PROXY',
    'HOSTNAME',
    'HOSTS',
    'A_PORT',
    'POSTGRES_URL',
    'http_proxy',
    'PATH',
    'HOME',
    'TIMEOUT',
  ])("%s is nobody's misspelling", (name) => {
    expect(misspeltVariables({ [name]: 'x' }, backends, undefined)).toEqual([]);
  });

  test('a variable that the policy file names is none either', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'named-')), 'policies.yaml');
    writeFileSync(file, 'backends:\n  - { name: team, kind: akto, secret: { env: AKTO_TOKEN } }\n');
    const told = (name: string) => misspeltVariables({ [name]: 'x' }, backends, file).length;
    expect(['AKTO_TOKEN', 'AKTO_TOKENS'].map(told)).toEqual([0, 1]);
  });

  test('lines of a .env file that are not read are told by their numbers', () => {
    const text = 'PORT 9000\nexport A=1\nX="multi\nline"\n\n# a comment\nB: 2 # too\nC=\nhunter2\r\nD=1\r\n';
    expect(unreadLines(text)).toEqual(
      [1, 9].map((line) => `.env: line ${line} is no NAME=value and is not read`),
    );
  });

  test('a .env that is a folder ends the start with its path', async () => {
    const cwd = join(folder, 'dotenv');
    mkdirSync(join(cwd, '.env'), { recursive: true });
    const { code, stderr } = await runChild({ args: ['config'], cwd });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `guardrail-bridge: .env cannot be read (EISDIR): ${join(cwd, '.env')} is a folder\n`,
    });
  });
});

const OURS = 'size-limits, blocked-users, required-params';

describe('a wrong policy file is named with its line, its key and what to do', () => {
  test.each([
    ['', 'line 1: is empty; policy init prints one to start from'],
    ['# only a comment\n', 'line 1: is empty; policy init prints one to start from'],
    ['just text', 'line 1: is a text, and no mapping of keys; policy init'],
    ['[secrets]', 'line 1: is a list, and no mapping of keys; policy init'],
    ['policies:\n\tchain: [secrets]', 'line 2: is no valid YAML: is indented by a tab; use spaces'],
    ['{"policies": {"chain": ["secrets"]}', 'is no valid YAML: a quote, bracket, colon or comma is missing'],
    ['policies: { chain: [secrets] }\npolicies: {}', 'line 2: policies: stands twice, first in line 1'],
    ['chain: [secrets]', 'line 1: chain: is not known; it belongs under policies'],
    ['secrets: {}', 'secrets: is not known; it belongs under policy, and its name into policies.chain'],
    ['policies: { chain: [], secrets: {} }', 'policies.secrets: is not known; it belongs under policy, and'],
    [
      'policies: { chain: [], bias-monitor: {} }',
      'policies.bias-monitor: is not known; it belongs under policy',
    ],
    ['policies: { chain: [], rules: [] }', 'policies.rules: is not known; it belongs at the top of the file'],
    ['policies: { chain: [], backends: [] }', 'policies.backends: is not known; it belongs at the top'],
    [
      'policies: { chain: [] }\npolicy: { rules: [] }',
      'line 2: policy.rules: is no kind of policy; it belongs at the top',
    ],
    [
      'policies: { chain: [] }\npolicy: { chain: [] }',
      'policy.chain: is no kind of policy; it belongs under policies',
    ],
    [
      'policies: [secrets]',
      'policies: must be a mapping of keys, not a list; write the list under policies.chain',
    ],
    ['policies: { chain: secrets }', 'policies.chain: must be a list, not a text'],
    ['policies: { chain: [secret] }', 'chain[0]: "secret" is no kind of policy; did you mean secrets?'],
    ['policies: { chain: [regex-filter] }', `"regex-filter" is no kind of policy; the kinds are ${OURS}`],
    ['policies: { chain: [secrets, secrets] }', 'policies.chain[1]: "secrets" stands twice in the chain'],
    [
      'policies: { chain: [secrets] }\npolicy: { secrets: { action: blok } }',
      'must be block or redact, not "blok"; did you mean block?',
    ],
    [
      'policies: { chain: [secrets] }\npolicy: { secrets: block }',
      'policy.secrets: must be a mapping of keys, not "block"',
    ],
    [
      'policies: { chain: [secrets] }\npolicy: { secrets: { actoin: block } }',
      'actoin: is not known; did you mean action?',
    ],
    ['policies: { chain: [] }\nrule: []', 'line 2: rule: is not known; did you mean rules?'],
    ['policies: { chain: [] }\nrules: { name: a }', 'rules: must be a list'],
    [
      'policies: { chain: [] }\nrules: [{ name: a, teams: [x] }]',
      'rules[0].teams: is not known; it belongs under match, as team',
    ],
    [
      'policies: { chain: [] }\nrules: [{ name: a, match: { teams: x } }]',
      'match.teams: is not known; did you mean team?',
    ],
    [
      'policies: { chain: [] }\nrules: [{ name: a, backends: [akot] }]',
      'rules[0].backends[0]: "akot" is no backend',
    ],
    ['backends: [{ name: a, kind: lakerra }]', '"lakerra" is no kind of backend; did you mean lakera?'],
    [
      'backends: [{ name: a, kind: unheard-of }]',
      '"unheard-of" is no kind of backend; the kinds are akto, bedrock',
    ],
    ['backends: [{ name: a, type: lakera }]', 'backends[0].kind: is missing; the kinds are akto, bedrock'],
    [
      `backends: [{ name: a, kind: lakera, secret: ${SECRET} }]`,
      'secret: must be {env: NAME} or {file: path}: a secret does not stand',
    ],
    [
      `backends: [{ name: a, kind: lakera, api_key: ${SECRET} }]`,
      'api_key: is not known; a secret stands in the environment or a file',
    ],
    [
      'backends:\n  - { name: a, kind: lakera }\n  - { name: a, kind: lakera }',
      'line 3: backends[1].name: "a" is the name of an earlier backend',
    ],
    [
      'backends: [{ name: a, kind: http, preset: { file: none.yaml } }]',
      `there is no ${missing}, as relative paths begin in the folder of the policy file`,
    ],
    [
      `policies: { chain: [banned-keywords] }\npolicy: { banned-keywords: { keywords_file: ${folder} } }`,
      `keywords_file: cannot be read (EISDIR): ${folder} is a folder`,
    ],
    [
      'policies: { chain: [prompt-injection] }\npolicy: { prompt-injection: { threshold: 8 } }',
      'threshold: must be at most 1, not 8',
    ],
    [
      'policies: { chain: [secrets] }\norchestration: quorom',
      'must be first_block or sequence or all or a mapping of keys, not "quorom"',
    ],
  ])('%j', async (text, problem) => {
    const file = join(folder, 'policy.yaml');
    writeFileSync(file, text);
    const { code, out, err } = await runCli(['policy', 'lint', file]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(problem);
    expect(err).not.toContain('hunter2');
    const started = await runCli(['config'], { env: { POLICY_FILE: file } });
    expect(started.err).toContain(`The policy file ${file} cannot be used:`);
    expect(started.err).toContain(problem);
  });

  test.each([
    ['', 'preset.yaml, line 1: is empty; backend init http prints one to start from'],
    ['[a]', 'preset.yaml, line 1: is no mapping of keys; backend init http'],
    ['kind: http', 'preset.yaml, line 1: title: is missing'],
  ])('and so is a preset: %j', async (text, problem) => {
    const file = join(folder, 'with-preset.yaml');
    writeFileSync(join(folder, 'preset.yaml'), text);
    writeFileSync(
      file,
      'backends: [{ name: a, kind: http, url: "https://a.example", preset: { file: preset.yaml } }]',
    );
    const { code, err } = await runCli(['policy', 'lint', file]);
    expect(code).toBe(1);
    expect(err).toContain(problem);
  });

  test.each([
    ['\ufeffpolicies: { chain: [secrets] }', ''],
    ['{"policies": {"chain": ["secrets"],}}', ''],
    [
      'policies: { chain: [] }\npolicy: { secrets: {} }',
      'policy.secrets: is in no chain, so it does nothing; name it in policies.chain',
    ],
  ])('%j can be used', async (text, warning) => {
    const file = join(folder, 'good.yaml');
    writeFileSync(file, text);
    const { code, err } = await runCli(['policy', 'lint', file]);
    expect(code).toBe(0);
    expect(err).toContain(warning);
  });
});

describe('a wrong command line ends with 2, a file or name that is not there with 1', () => {
  test.each([
    [['serv'], 2, "unknown command 'serv' (did you mean serve?)"],
    [['lint', 'p.yaml'], 2, "unknown command 'lint' (did you mean policy lint?)"],
    [['init'], 2, 'did you mean policy init or backend init?'],
    [['serve', '--port', '80'], 2, "unknown option '--port'; see guardrail-bridge serve --help"],
    [['config', '--jsno'], 2, "unknown option '--jsno' (did you mean --json?)"],
    [['check'], 2, "missing required argument 'text'"],
    [['outbox', 'list', '--limit', 'x'], 2, "'x' is invalid. Write a number, 1 to 10000"],
    [
      ['audit', 'export', '--since', 'yesterday'],
      2,
      "'yesterday' is invalid. Write a span like 90m, 24h or 7d, or a time like 2026-",
    ],
    [['policy', 'lint', missing], 1, `${missing} cannot be read (ENOENT): there is no ${missing}\n`],
    [['policy', 'lint', folder], 1, `${folder} cannot be read (EISDIR): ${folder} is a folder`],
    [['policy', 'test', missing, missing], 1, `there is no ${missing}`],
    [['backend', 'init', 'unheard-of'], 1, '"unheard-of" is no kind of backend; the kinds are akto, bedrock'],
    [
      ['outbox', 'list'],
      1,
      `there is no outbox in DATA_DIR (${folder}): no vendor has taken records here, or the bridge has another DATA_DIR`,
    ],
    [['coverage', '--release', '1.2'], 2, "'1.2' is invalid. Write a version from 1.83.14 on"],
    [
      ['demo', '--proxy', `http://u:${SECRET}@h`],
      2,
      '--proxy: write an address such as http://127.0.0.1:4000',
    ],
  ])('%j', async (args, code, problem) => {
    const result = await runCli(args, { env: { DATA_DIR: folder } });
    expect(result).toMatchObject({ code, out: '', err: expect.stringContaining(problem) });
    expect(result.err).not.toContain(SECRET);
  });

  test('a file of cases without one says so', async () => {
    const [policy, cases] = [join(folder, 'p.yaml'), join(folder, 'c.yaml')];
    writeFileSync(policy, 'policies: { chain: [secrets] }');
    writeFileSync(cases, '');
    const { code, err } = await runCli(['policy', 'test', policy, cases]);
    expect({ code, err: err.split('\n')[1] }).toEqual({
      code: 1,
      err: '  there are none: the file has no entry under cases',
    });
  });
});
