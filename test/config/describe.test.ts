import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { settingGroups, settingsHelp } from '../../src/config/describe.ts';
import { databaseUrl } from '../../src/config/replica-settings.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { baseUrl, proxyUrl, type Settings, secret } from '../../src/guardrail/fields.ts';

/** Values and addresses that can hold a password. */
const MAY_HOLD = [secret, baseUrl, proxyUrl, databaseUrl] as readonly (typeof secret)[];
const LISTS_OF_SECRETS = [
  'BRIDGE_API_KEYS',
  'OPS_API_KEYS',
  'AUDIT_KEY',
  'BANNED_KEYWORDS',
  'STATE_KEY',
  'OTEL_EXPORTER_OTLP_HEADERS',
];
const rows = settingGroups(backends).flatMap(([, rows]) => rows);

test('every setting has its values or a unit, and one English sentence', () => {
  for (const { name, unit, sentence } of rows) {
    expect(name).toMatch(/^[A-Z][A-Z_]+$/);
    expect(unit, name).toMatch(/\S/);
    expect(sentence, name).toMatch(/^[^|\n]{10,}\.$/);
  }
});

test('no name is described twice', () => {
  const names = rows.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});

test('every setting that may hold a password is marked as a secret', () => {
  const all = [
    SETTINGS,
    ...backends.flatMap(({ environment }) =>
      environment === undefined ? [] : [environment.settings, environment.sharedSettings],
    ),
  ];
  for (const [name, setting] of all.flatMap((settings: Settings) => Object.entries(settings))) {
    const mayHold = MAY_HOLD.includes(setting.schema as typeof secret) || name === 'PGPASSWORD';
    expect(setting.secret ?? false, name).toBe(mayHold || LISTS_OF_SECRETS.includes(name));
  }
});

test('the help of the settings names each with its default, without markup', () => {
  const help = settingsHelp(backends);
  expect(help).toContain('  PORT (0 to 65535; default 8787)\n      Port to listen on; 0 picks a free one.\n');
  expect(help).toContain('  CAPSULE_LITELLM_TIMEOUT_MS (milliseconds; default 20000)\n');
  for (const { name } of rows) expect(help).toContain(`\n  ${name} (`);
  expect(help).not.toContain('`');
});

/** The table of all settings for the guide. */
function table(): string {
  const lines = settingGroups(backends).flatMap(([title, rows]) => [
    `| **${title}** | | | |`,
    ...rows.map((row) => `| \`${row.name}\` | ${row.default} | ${row.unit} | ${row.sentence} |`),
  ]);
  return `| variable | default | unit or values | |\n|---|---|---|---|\n${lines.join('\n')}\n`;
}

test('the guide for operators has the table of all settings', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../examples/operations/README.md'), 'utf8');
  const section = /^## All settings\n(.*?)(?=^## |(?![\s\S]))/ms.exec(guide)?.[1] ?? '';
  const stands = section.slice(section.indexOf('|'), section.lastIndexOf('|') + 2);
  const paste = `the table is stale: paste this under "All settings" in examples/operations/README.md\n\n${table()}\n`;
  expect(stands === table(), paste).toBe(true);
});
