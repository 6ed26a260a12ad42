import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { kindsOfBackends } from '../../src/backends/index.ts';
import { readPreset } from '../../src/backends/preset/read-preset.ts';
import { SHIPPED_PRESETS } from '../../src/backends/preset/shipped.ts';
import { runCli } from '../support/cli.ts';
import { fakeBackend } from '../support/closing.ts';
import { json, type Reply, silence, text } from '../support/fake-backend.ts';

const SECRET = 'key-5e1f';

/** A policy file with one Lakera at `url`, and more keys of its entry. */
function policyFile(url: string, more: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'cli-backend-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'policy.yaml');
  const entry = { name: 'house-lakera', kind: 'lakera', url, secret: { env: 'HOUSE_KEY' }, ...more };
  writeFileSync(file, JSON.stringify({ policies: { chain: [] }, backends: [entry] }));
  return file;
}

const env = { HOUSE_KEY: SECRET };
const ask = (file: string, ...more: string[]) =>
  runCli(['backend', 'test', 'house-lakera', 'Mail mara@example.org', '--policy', file, ...more], { env });

const PERSONAL = {
  flagged: true,
  breakdown: [{ detector_type: 'pii/email', detected: true }],
  payload: [{ start: 5, end: 21, detector_type: 'pii/email', message_id: 0 }],
};

describe('backend test', () => {
  test.each([
    { name: 'an allow', reply: { flagged: false }, out: /^allow by house-lakera \(\d+ ms\)\n$/ },
    {
      name: 'a block with its reason and categories',
      reply: { flagged: true, breakdown: [{ detector_type: 'prompt_attack', detected: true }] },
      out: /^block by house-lakera \(\d+ ms\): prompt_attack \(prompt_attack\)\n$/,
    },
    {
      name: 'a redaction with the text',
      reply: PERSONAL,
      out: /^redact by house-lakera \(\d+ ms\)\nMail \[MASKED EMAIL\]\n$/,
    },
  ])('prints $name, and ends with 0', async ({ reply, out }) => {
    const vendor = await fakeBackend(json(reply));
    const { code, ...printed } = await ask(policyFile(vendor.url));
    expect(printed).toEqual({ out: expect.stringMatching(out), err: '' });
    expect(code).toBe(0);
    expect(vendor.seen).toMatchObject([
      {
        path: '/v2/guard',
        headers: { authorization: `Bearer ${SECRET}` },
        body: { messages: [{ role: 'user', content: 'Mail mara@example.org' }] },
      },
    ]);
  });

  const failures: { name: string; reply: Reply; err: RegExp; more?: object }[] = [
    {
      name: 'a wrong secret',
      reply: json({}, 401),
      err: /: it refuses the secret \(HTTP 401\); check secret\n/,
    },
    {
      name: 'an error of the vendor',
      reply: text('project is not known', 404),
      err: /: HTTP 404; check url and the options of the entry\nThe vendor says: project is not known\n$/,
    },
    {
      name: 'an error in which the vendor repeats the secret',
      reply: (request, response) =>
        text(`no access for ${request.headers.authorization} to ${SECRET}`, 418)(request, response),
      err: /The vendor says: no access for (?:Bearer )?\[REDACTED\] to \[REDACTED\]\n$/,
    },
    { name: 'too many requests', reply: json({}, 429), err: /: it is asked too often \(HTTP 429\)/ },
    { name: 'another server', reply: text('<html>'), err: /: the reply is no JSON; check that url/ },
    {
      name: 'another form',
      reply: json({ ok: true }),
      err: /: the reply does not have the form of this kind, at flagged; check kind/,
    },
    {
      name: 'silence',
      reply: silence,
      more: { timeout: 0.1 },
      err: /: no complete reply within 0.1 s; raise timeout/,
    },
  ];
  test.each(failures)('says what to do about $name, and ends with 1', async ({ reply, err, more }) => {
    const vendor = await fakeBackend(reply);
    const printed = await ask(policyFile(vendor.url, more));
    expect(printed).toEqual({ code: 1, out: '', err: expect.stringMatching(err) });
    expect(printed.err).toMatch(/^no verdict of house-lakera \(\d+ ms\): /);
    expect(printed.err).not.toContain(SECRET);
  });

  test.each(['', ' \n'])('asks nobody about no text: "%s"', async (content) => {
    const vendor = await fakeBackend(json({ flagged: false }));
    const args = ['backend', 'test', 'house-lakera', content, '--policy', policyFile(vendor.url)];
    const { code, err } = await runCli(args, { env });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('there is no text to ask about') });
    expect(vendor.seen).toEqual([]);
  });

  test('says that a vendor was not asked', async () => {
    const vendor = await fakeBackend(json({ userPromptAnalysis: { attackDetected: false } }));
    const file = policyFile(vendor.url, {
      kind: 'http',
      preset: {
        ...{ title: 'Acme', judges: ['request'], reads: 'texts', authors: ['tool'] },
        ...{ asks: [{ path: '', body: { text: '$text' } }], reply: { allow: [{ '/ok': true }] } },
      },
    });
    const { code, err } = await ask(file);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('house-lakera was not asked') });
  });

  test('says that nothing answers', async () => {
    const { code, err } = await ask(policyFile('http://127.0.0.1:9'));
    expect(err).toMatch(/: no connection \(\w+\); check url, the network, and HTTPS_PROXY\n$/);
    expect(code).toBe(1);
  });

  test('prints JSON on demand', async () => {
    const vendor = await fakeBackend(json(PERSONAL));
    const { out, code } = await ask(policyFile(vendor.url), '--json');
    expect(JSON.parse(out)).toEqual({
      ...{ backend: 'house-lakera', verdict: 'redact', reason: null, categories: [] },
      ...{ text: 'Mail [MASKED EMAIL]', failure: null, ms: expect.any(Number) },
    });
    expect(code).toBe(0);
    vendor.reply = json({}, 503);
    const failed = await ask(policyFile(vendor.url), '--json');
    expect(JSON.parse(failed.out)).toMatchObject({
      verdict: null,
      failure: { kind: 'http_status', status: 503 },
    });
    expect(failed.code).toBe(1);
  });

  test('asks about a response, and about standard input', async () => {
    const vendor = await fakeBackend(json({ flagged: false }));
    const file = policyFile(vendor.url);
    await ask(file, '--response');
    expect(vendor.seen[0]?.body).toMatchObject({ messages: [{ role: 'assistant' }] });
    const args = ['backend', 'test', 'house-lakera', '-', '--policy', file];
    await runCli(args, { env, input: 'from a pipe' });
    expect(vendor.seen[1]?.body).toMatchObject({ messages: [{ role: 'user', content: 'from a pipe' }] });
  });

  test('reads POLICY_FILE, and names the backends that there are', async () => {
    const file = policyFile('http://127.0.0.1:9');
    const { code, err } = await runCli(['backend', 'test', 'house-lakra', 'plums'], {
      env: { ...env, POLICY_FILE: file },
    });
    expect(err).toBe(
      'guardrail-bridge: "house-lakra" is no backend; did you mean house-lakera?; there are house-lakera\n',
    );
    expect(code).toBe(1);
    const none = await runCli(['backend', 'test', 'house-lakera', 'plums']);
    expect(none.err).toContain('no backend is configured; set POLICY_FILE, or write --policy FILE');
    const unset = await runCli(['backend', 'test', 'house-lakera', 'plums'], { env: { POLICY_FILE: file } });
    expect(unset.err).toContain('HOUSE_KEY is not set');
  });

  test('asks a backend that the environment sets up', async () => {
    const vendor = await fakeBackend(json({ decision: 'deny', reason: 'plums' }));
    const { out } = await runCli(['backend', 'test', 'capsule', 'plums'], {
      env: { CAPSULE_LITELLM_ENDPOINT: vendor.url, CAPSULE_LITELLM_TOKEN: SECRET },
    });
    expect(out).toMatch(/^block by capsule \(\d+ ms\): plums\n$/);
  });
});

describe('backend init', () => {
  test.each(SHIPPED_PRESETS)('prints the preset %s, which can be used as it is', async (kind) => {
    const { out, code } = await runCli(['backend', 'init', kind]);
    expect(readPreset(out).title).not.toBe('');
    const commented = out.split('\n').flatMap((line) => /^# (.*)$/.exec(line)?.[1] ?? []);
    const entry = parseYaml(
      commented
        .slice(
          1,
          commented.findIndex((line) => /unreachable/.test(line)),
        )
        .join('\n'),
    );
    expect(entry).toMatchObject({ backends: [{ kind: 'http', preset: { file: `${kind}.yaml` } }] });
    expect(code).toBe(0);
  });

  test.each(kindsOfBackends.names.filter((kind) => kind !== 'http' && !SHIPPED_PRESETS.includes(kind)))(
    'prints an entry for %s',
    async (kind) => {
      const { out } = await runCli(['backend', 'init', kind]);
      expect(parseYaml(out)).toMatchObject({ backends: [{ name: `my-${kind}`, kind }] });
    },
  );

  test('prints a preset to start from', async () => {
    expect(readPreset((await runCli(['backend', 'init', 'http'])).out).title).toBe('Acme Shield, API v2');
  });

  test('names the kind that was meant', async () => {
    const { code, err } = await runCli(['backend', 'init', 'lakra']);
    expect(err).toBe('guardrail-bridge: "lakra" is no kind of backend; did you mean lakera?\n');
    expect(code).toBe(1);
  });
});

test('backend list prints each kind with its options', async () => {
  const { out, code } = await runCli(['backend', 'list']);
  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  expect(rows[0]).toEqual(['kind', 'form', 'default url', 'options']);
  expect(rows.slice(1).map(([kind]) => kind)).toEqual(kindsOfBackends.names);
  expect(out).toMatch(/^lakera +preset +https:\/\/api\.lakera\.ai +project_id end_is$/m);
  expect(code).toBe(0);
});
