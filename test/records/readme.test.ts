import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../../src/config/settings.ts';
import { createRecordsMetrics } from '../../src/records/records-metrics.ts';

const FOLDER = join(import.meta.dirname, '../../src/records');
const guide = readFileSync(join(FOLDER, 'README.md'), 'utf8');
const all = (pattern: RegExp) => [...guide.matchAll(pattern)].map(([, found = '']) => found);

test('the guide to records names settings that exist', () => {
  const names = all(/`([A-Z][A-Z_]{3,})(?:=\w+)?`/g);
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) expect({ ...SETTINGS, SYNC_MODE: {} }).toHaveProperty(name);
});

test('the guide to records names metrics that exist', async () => {
  const text = `${await createRecordsMetrics([]).text(undefined, false, new Map())} telemetry_restarts_total telemetry_unstored_blocks_total`;
  for (const name of all(/`(telemetry_\w+)`/g)) expect(text).toContain(name);
});

test('the guide to records links to files that exist, and lists the files of its folder', () => {
  for (const link of all(/\]\(([^)]+)\)/g)) expect(existsSync(join(FOLDER, link)), link).toBe(true);
  for (const file of all(/`([\w-]+\.ts)`/g)) expect(existsSync(join(FOLDER, file)), file).toBe(true);
});

test('the configuration of LiteLLM in the guide is YAML, and its logger posts to the route of log events', () => {
  const [yaml = ''] = all(/^```yaml\n(.*?)^```$/gms);
  expect(parse(yaml)).toMatchObject({
    litellm_settings: { callbacks: ['bridge'] },
    callback_settings: {
      bridge: { callback_type: 'generic_api', endpoint: expect.stringMatching(/\/v1\/litellm\/logs$/) },
    },
  });
});
