import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../../support/bridge.ts';
import { runCli } from '../../support/cli.ts';
import { fakeBackend } from '../../support/closing.ts';
import { json } from '../../support/fake-backend.ts';

const PRESET = `
title: Acme Shield
judges: [request]
reads: texts
secret: required
variables: { url: [ACME_URL], secret: [ACME_KEY] }
options: { project: { type: text, about: Project. }, limit: { type: number, default: 3, max: 5, about: Limit. } }
headers: { x-token: $secret }
asks: [{ path: /check, body: { text: $text, project: $options.project, limit: $options.limit } }]
reply: { block: [{ /bad: true }], allow: [{ /bad: false }], reason: /why }
`;

/** A folder with a policy file of these entries, and beside it a preset. */
function written(entries: object[], preset = PRESET) {
  const folder = mkdtempSync(join(tmpdir(), 'own-preset-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, JSON.stringify({ policies: { chain: [] }, backends: entries }));
  writeFileSync(join(folder, 'acme.yaml'), preset);
  return { file, folder };
}

const ask = async (file: string, env: Record<string, string>) => {
  const bridge = testBridge({ POLICY_FILE: file, ...env });
  onTestFinished(() => bridge.close());
  return (await bridge.ask({ input_type: 'request', litellm_call_id: 'call-1', texts: ['plums'] })).reply;
};

const inline = {
  title: 'Acme Shield',
  judges: ['request'],
  reads: 'texts',
  headers: { 'x-token': '$secret' },
  asks: [{ path: '/check', body: { text: '$text', limit: 3 } }],
  reply: { block: [{ '/bad': true }], allow: [{ '/bad': false }] },
};

test.each([
  { name: 'in a file beside the policy file', preset: { file: 'acme.yaml' }, project: 'p-1' },
  { name: 'within the entry', preset: inline, project: undefined },
])("a preset of one's own $name judges calls", async ({ preset, project }) => {
  const vendor = await fakeBackend(json({ bad: true, why: 'plums' }));
  const entry = {
    name: 'acme',
    kind: 'http',
    url: vendor.url,
    secret: { env: 'HOUSE_KEY' },
    preset,
    project,
  };
  const { file } = written([entry]);
  const reply = await ask(file, { HOUSE_KEY: 'key-5e1f' });
  expect(reply).toMatchObject({ action: 'BLOCKED' });
  expect(vendor.seen).toMatchObject([
    {
      path: '/check',
      headers: { 'x-token': 'key-5e1f' },
      body: { text: 'plums', limit: 3, ...(project !== undefined && { project }) },
    },
  ]);
});

test('the address and the secret can come from the variables that a preset names', async () => {
  const vendor = await fakeBackend(json({ bad: false }));
  const { file } = written([{ name: 'acme', kind: 'http', preset: { file: 'acme.yaml' } }]);
  const reply = await ask(file, { ACME_URL: vendor.url, ACME_KEY: 'key-5e1f' });
  expect(reply).toEqual({ action: 'NONE' });
  expect(vendor.seen).toMatchObject([{ headers: { 'x-token': 'key-5e1f' } }]);
});

const common = { name: 'acme', kind: 'http', url: 'http://127.0.0.1:9', secret: { env: 'HOUSE_KEY' } };

test.each([
  {
    name: 'an option that is not known',
    entry: { ...common, preset: { file: 'acme.yaml' }, projct: 'p' },
    problem: 'backends[0].projct: is not known; did you mean project?',
  },
  {
    name: 'an option out of bounds',
    entry: { ...common, preset: { file: 'acme.yaml' }, limit: 9 },
    problem: 'backends[0].limit: must be at most 5, not 9',
  },
  {
    name: 'a preset that is missing',
    entry: common,
    problem: 'backends[0].preset: must be {file: path}, or the preset itself',
  },
  {
    name: 'a file that is not there',
    entry: { ...common, preset: { file: 'acne.yaml' } },
    problem: 'backends[0].preset: the file acne.yaml cannot be read (ENOENT)',
  },
  {
    name: 'a mistake in the file',
    entry: { ...common, preset: { file: 'acme.yaml' } },
    preset: PRESET.replace('title', 'titel'),
    problem: 'backends[0].preset: acme.yaml, line 2: titel: is not known; did you mean title?',
  },
  {
    name: 'a mistake within the entry',
    entry: { ...common, preset: { ...inline, reeds: 'texts' } },
    problem: 'backends[0].preset.reeds: is not known; did you mean reads?',
  },
  {
    name: 'a kind that is no vendor',
    entry: { ...common, kind: 'lakra' },
    problem: 'backends[0].kind: "lakra" is no kind of backend; did you mean lakera?',
  },
])('$name is told by lint', async ({ entry, preset, problem }) => {
  const { file } = written([entry], preset);
  const { code, err } = await runCli(['policy', 'lint', file], { env: { HOUSE_KEY: 'key' } });
  expect(err).toContain(`line 1: ${problem}`);
  expect(code).toBe(1);
});

test('a preset is read again with the policy file when it changes', async () => {
  const vendor = await fakeBackend(json({ bad: false, worse: true }));
  const entry = { ...common, url: vendor.url, preset: { file: 'acme.yaml' } };
  const { file, folder } = written([entry]);
  const bridge = testBridge({ POLICY_FILE: file, HOUSE_KEY: 'key' });
  onTestFinished(() => bridge.close());
  const call = { input_type: 'request', texts: ['plums'] };
  expect((await bridge.ask(call)).reply).toEqual({ action: 'NONE' });
  writeFileSync(join(folder, 'acme.yaml'), PRESET.replace('/bad: true', '/worse: true'));
  bridge.reloadPolicies();
  expect((await bridge.ask(call)).reply).toMatchObject({ action: 'BLOCKED' });
});
