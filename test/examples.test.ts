import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import dotenv from 'dotenv';
import { describe, expect, test } from 'vitest';
import { backends } from '../src/backends/index.ts';
import { parseConfig } from '../src/config/config.ts';
import { GUARDRAIL_PATHS } from '../src/http/app.ts';
import { readPolicyFile } from '../src/policies/file/load.ts';
import { kinds } from '../src/policies/kinds/index.ts';

const FOLDER = join(import.meta.dirname, '..', 'examples');
const files = readdirSync(FOLDER);
const textOf = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
const ofKind = (pattern: RegExp) => files.filter((file) => pattern.test(file));

test('there is nothing under examples/ that no test loads', () => {
  const known = [/\.env$/, /^litellm-.*\.yaml$/, /^kubernetes\.yaml$/, /^policies$/, /^operations$/];
  expect(files.filter((file) => !known.some((pattern) => pattern.test(file)))).toEqual([]);
});

describe.each(ofKind(/\.env$/))('%s', (file) => {
  const env = dotenv.parse(textOf(file));

  test('is a configuration without a warning', () => {
    const config = parseConfig(env, backends);
    expect(config.warnings).toEqual([]);
    expect(config.access.apiKeys.length).toBeGreaterThan(0);
    expect(config.backends.length > 0 || config.policies.builtin || config.policies.file !== undefined).toBe(
      true,
    );
  });

  test('sets only what is read', () => {
    const unused = Object.keys(env).filter((name) => {
      // A value that no variable takes: who does not complain does not read it
      const spoilt = { ...env, [name]: name === 'HOST' ? 'example.com' : '\u0007' };
      try {
        return JSON.stringify(parseConfig(spoilt, backends)) === JSON.stringify(parseConfig(env, backends));
      } catch {
        return false;
      }
    });
    expect(unused).toEqual([]);
  });

  test('names a policy file that can be used, if any', () => {
    const { POLICY_FILE } = env;
    if (POLICY_FILE === undefined) return;
    const { chain, warnings } = readPolicyFile(
      readFileSync(join(FOLDER, '..', POLICY_FILE), 'utf8'),
      kinds,
      (_, make) => make(),
    );
    expect(chain.length).toBeGreaterThan(0);
    expect(warnings).toEqual([]);
  });

  test('starts with what it shows, in words', () => {
    expect(textOf(file)).toMatch(/^# .{20}/);
  });
});

test('the environment files show every backend and the built-in policy', () => {
  const shown = ofKind(/\.env$/).flatMap((file) => {
    const config = parseConfig(dotenv.parse(textOf(file)), backends);
    return [...config.backends.map(({ name }) => name), ...(config.policies.builtin ? ['builtin'] : [])];
  });
  expect(new Set(shown)).toEqual(new Set([...backends.map(({ name }) => name), 'builtin']));
});

/** The guardrail entries of a LiteLLM configuration: `key: value` lines by entry, comments left out. */
function guardrailsIn(yaml: string): Record<string, string>[] {
  const [, section = ''] = /^guardrails:\n((?:[ #].*\n|\n)*)/m.exec(yaml) ?? [];
  return section
    .split(/^ *- (?=guardrail_name:)/m)
    .slice(1)
    .map((entry) =>
      Object.fromEntries(
        [...entry.matchAll(/^ *(\w+): *([^#\n]*?) *(?:#.*)?$/gm)].map(([, key = '', value = '']) => [
          key,
          value,
        ]),
      ),
    );
}

describe.each(ofKind(/^litellm-.*\.yaml$/))('%s', (file) => {
  const entries = guardrailsIn(textOf(file));

  test('asks the bridge by the generic guardrail of LiteLLM', () => {
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) {
      expect(entry).toMatchObject({
        guardrail: 'generic_guardrail_api',
        mode: expect.stringMatching(/^(?:pre_call|during_call|post_call)$/),
        api_base: expect.stringMatching(/^(?:https?:\/\/|os\.environ\/)/),
        api_key: expect.stringMatching(/^os\.environ\//),
        default_on: 'true',
      });
      if (entry.unreachable_fallback) expect(entry.unreachable_fallback).toMatch(/^fail_(?:closed|open)$/);
      // LiteLLM adds it
      expect(entry.api_base).not.toContain(GUARDRAIL_PATHS[0]);
    }
  });

  test('names every guardrail once', () => {
    const names = entries.map(({ guardrail_name }) => guardrail_name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('is indented by spaces alone', () => {
    expect(textOf(file)).not.toMatch(/\t| +$/m);
  });
});

test('a guardrail that runs during the call tells the bridge so, since a redaction would come too late', () => {
  for (const file of ofKind(/^litellm-.*\.yaml$/)) {
    const yaml = textOf(file);
    if (!yaml.includes('mode: during_call')) continue;
    expect(yaml).toMatch(/additional_provider_specific_params:\n +mode: during_call/);
  }
});

test.each(ofKind(/^kubernetes\.yaml$/))('%s runs the bridge on loopback, within the grace period', (file) => {
  const yaml = textOf(file);
  expect(yaml).toContain('{ name: HOST, value: 127.0.0.1 }');
  const set = Object.fromEntries(
    [...yaml.matchAll(/\{ name: ([A-Z_]+), value: '?([^'} ]+)'? \}/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  const { server } = parseConfig({ HOST: set.HOST, SHUTDOWN_DELAY: set.SHUTDOWN_DELAY }, backends);
  const { shutdownDelayMs, shutdownTimeoutMs, port } = server;
  const [, grace] = /terminationGracePeriodSeconds: (\d+)/.exec(yaml) ?? [];
  expect(Number(grace) * 1000).toBeGreaterThan(shutdownDelayMs + shutdownTimeoutMs);
  expect(set.BRIDGE_URL).toBe(`http://127.0.0.1:${port}`);
  for (const path of ['/readyz', '/healthz']) expect(yaml).toContain(`http://127.0.0.1:${port}${path}`);
});
