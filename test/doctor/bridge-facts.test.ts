import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { parseConfig } from '../../src/config/config.ts';
import { bridgeFacts } from '../../src/doctor/bridge-facts.ts';

const folder = mkdtempSync(join(tmpdir(), 'facts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const factsOf = (env: Record<string, string>) => bridgeFacts(parseConfig(env, backends));

function withPolicy(orchestration: string): Record<string, string> {
  const file = join(folder, `${orchestration}.yaml`);
  const entry = (name: string, timeout: number, mode: string) =>
    `  - { name: ${name}, kind: webhook, url: "https://vendor.example/check", secret: { env: TOKEN }, timeout: ${timeout}, mode: ${mode} }\n`;
  const entries =
    entry('first', 8, 'enforce') + entry('second', 9, 'enforce') + entry('third', 50, 'observe');
  writeFileSync(file, `orchestration: ${orchestration}\nbackends:\n${entries}`);
  return { POLICY_FILE: file, TOKEN: 'invented' };
}

test('a bridge without settings listens at its port, asks for no key and takes five seconds', () => {
  expect(factsOf({})).toEqual({
    ...{ port: 8787, apiKeys: [], isOpen: false, responseRedaction: 'auto' },
    ...{ longestCheckMs: 5000, takesRecords: false },
  });
});

test('a bridge that anybody may ask is open', () => {
  expect(factsOf({ ALLOW_UNAUTHENTICATED: 'true' }).isOpen).toBe(true);
  expect(factsOf({ BRIDGE_API_KEYS: 'one,two' })).toMatchObject({ isOpen: false, apiKeys: ['one', 'two'] });
});

test('vendors that take records, and the time of the slowest, count', () => {
  const env = {
    AKTO_API_TOKEN: 'invented',
    DATA_INGESTION_SERVICE_URL: 'https://akto.example',
    GUARDRAIL_TIMEOUT: '7',
  };
  expect(factsOf(env)).toMatchObject({ takesRecords: true, longestCheckMs: 7000 });
  expect(factsOf({ ...env, TELEMETRY: 'false' }).takesRecords).toBe(false);
});

test('vendors that are asked one after the other add their times up; those that only observe delay nobody', () => {
  expect(factsOf(withPolicy('first_block')).longestCheckMs).toBe(9000);
  expect(factsOf(withPolicy('sequence')).longestCheckMs).toBe(17_000);
});
