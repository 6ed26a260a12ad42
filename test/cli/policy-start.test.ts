import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { kinds } from '../../src/policies/kinds/index.ts';
import { runCli } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'policy-start-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

/** The result of `policy lint` for a text. */
async function lint(text: string) {
  const file = join(folder, 'lint.yaml');
  writeFileSync(file, text);
  return JSON.parse((await runCli(['policy', 'lint', file, '--json'])).out);
}

test('policy init prints a file that is right as it is, with comments, the one of the examples', async () => {
  const { code, out, err } = await runCli(['policy', 'init']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(await lint(out)).toMatchObject({ ok: true, warnings: [] });
  expect(out.split('\n').filter((line) => line.trim().startsWith('#')).length).toBeGreaterThan(10);
  expect(out).toBe(fileOf('examples/policies/default.yaml'));
});

test('what is a comment in it is right too', async () => {
  const { out } = await runCli(['policy', 'init']);
  const whole = out.replace(
    /^( *)# (?!yaml-language-server)(?=(?: *[a-z_-]+: |rules:|backends:| +- ))/gm,
    '$1',
  );
  expect(whole).toContain('\nrules:\n  - name: payments\n');
  expect(await lint(whole)).toMatchObject({ ok: true, problems: [] });
});

test('policy init FILE writes it, and never over a file', async () => {
  const path = join(folder, 'new.yaml');
  const first = await runCli(['policy', 'init', relative(process.cwd(), path)]);
  expect(first).toMatchObject({ code: 0, err: '', out: expect.stringContaining(`${path} is written`) });
  expect(readFileSync(path, 'utf8')).toBe((await runCli(['policy', 'init'])).out);
  writeFileSync(path, 'mine');
  const again = await runCli(['policy', 'init', path]);
  expect(again).toMatchObject({ code: 1, out: '', err: expect.stringContaining(`${path} exists already`) });
  expect(readFileSync(path, 'utf8')).toBe('mine');
  const nowhere = await runCli(['policy', 'init', join(folder, 'none', 'p.yaml')]);
  expect(nowhere).toMatchObject({ code: 1, err: expect.stringContaining('cannot be written (ENOENT)') });
});

test('policy kinds lists each kind with what it judges and does, as the guide does', async () => {
  const { out } = await runCli(['policy', 'kinds']);
  const guide = fileOf('examples/policies/README.md');
  for (const { kind, judges, about } of kinds) {
    expect(out).toMatch(new RegExp(`^${kind} +${judges} +${about}$`, 'm'));
    expect(guide).toContain(`\n| [\`${kind}\`](#${kind}) | ${judges} | ${about} |\n`);
  }
});

test.each(kinds.map(({ kind }) => kind))(
  'policy kinds %s prints its options, and an example that works',
  async (kind) => {
    const { code, out } = await runCli(['policy', 'kinds', kind]);
    expect(code).toBe(0);
    const [, options = '', example = ''] = /^.*\n\n(option.*?)\n\n(policies: .*)$/s.exec(out) ?? [];
    expect(await lint(example)).toMatchObject({ ok: true, warnings: [] });
    const schema = kinds.find((one) => one.kind === kind)?.options as unknown as { entries: object };
    const names = options.split('\n').map((line) => line.split(/[ .[]/)[0]);
    for (const name of Object.keys(schema.entries)) expect(names).toContain(name);
    expect(options).not.toMatch(/undefined|\[object/);
    const json = JSON.parse((await runCli(['policy', 'kinds', kind, '--json'])).out);
    expect(json).toMatchObject([{ kind, example }]);
  },
);

test('options have the defaults that the kinds have', async () => {
  const textOf = async (kind: string) => (await runCli(['policy', 'kinds', kind])).out;
  expect(await textOf('prompt-injection')).toMatch(/^threshold +a number, 0 to 1 +0\.8$/m);
  expect(await textOf('secrets')).toMatch(/^action +block \| redact +redact$/m);
  expect(await textOf('agent-firewall')).toMatch(/^rate_limits +<name>: a whole number, 0 to 1000 +none$/m);
  expect(await textOf('rbac')).toMatch(
    /^roles\.<name>\.max_tokens_per_request +a whole number, 1 or more +none$/m,
  );
});

test('a kind that there is none of ends with 1, and the kinds are listed', async () => {
  const { code, err } = await runCli(['policy', 'kinds', 'bias']);
  expect(code).toBe(1);
  expect(err).toMatch(/"bias" is no kind of policy; the kinds are size-limits, blocked-users, /);
});
