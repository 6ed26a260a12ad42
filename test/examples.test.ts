import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import dotenv from 'dotenv';
import { describe, expect, test } from 'vitest';
import { type Document, parseAllDocuments, parse as parseYaml } from 'yaml';
import packageJson from '../package.json' with { type: 'json' };
import { backends, kindsOfBackends } from '../src/backends/index.ts';
import { policiesOf } from '../src/calls/policies.ts';
import { commonSettings } from '../src/config/backend.ts';
import { parseConfig } from '../src/config/config.ts';
import { settingGroups } from '../src/config/describe.ts';
import { SETTINGS } from '../src/config/settings.ts';
import type { Settings } from '../src/guardrail/fields.ts';
import { ipList } from '../src/guardrail/ip-list.ts';
import { GUARDRAIL_PATHS, LOGS_PATH } from '../src/http/app.ts';
import { DROPPED_BY_EXAMPLES } from '../src/litellm/coverage-hidden.ts';
import { readPolicyFile } from '../src/policies/file/load.ts';
import { kinds } from '../src/policies/kinds/index.ts';

const FOLDER = join(import.meta.dirname, '..', 'examples');
const files = readdirSync(FOLDER);
const textOf = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
const ofKind = (pattern: RegExp) => files.filter((file) => pattern.test(file));

test('every file under examples/ is loaded by a test', () => {
  const known = [
    /\.env$/,
    /^litellm-.*\.yaml$/,
    /^(?:policies|streaming|operations|backends|turned|kubernetes|replicas|capacity|demo|teams|monitoring|page)$/,
  ];
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

  test('sets only variables that are read', () => {
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

  test('names a policy file that can be used, if it names one', () => {
    const { POLICY_FILE } = env;
    if (POLICY_FILE === undefined) return;
    const { chain, warnings } = readPolicyFile(
      readFileSync(join(FOLDER, '..', POLICY_FILE), 'utf8'),
      kinds,
      (_, make) => make(),
    );
    expect(chain.length).toBeGreaterThan(0);
    expect(chain.includes('audit-logger')).toBe(env.AUDIT_KEY !== undefined);
    expect(warnings).toEqual([]);
  });

  test('starts with a comment that says what it shows', () => {
    expect(textOf(file)).toMatch(/^# .{20}/);
  });
});

test('the environment files show every backend and the built-in policy', () => {
  const shown = ofKind(/\.env$/).flatMap((file) => {
    const config = parseConfig(dotenv.parse(textOf(file)), backends);
    return [...config.backends.map(({ name }) => name), ...(config.policies.builtin ? ['builtin'] : [])];
  });
  const ofEnvironment = backends.filter(({ environment }) => environment !== undefined);
  expect(new Set(shown)).toEqual(new Set([...ofEnvironment.map(({ kind }) => kind), 'builtin']));
});

test.each(['demo/policies.yaml', 'teams/policies.yaml'])('%s is a policy file without a warning', (file) => {
  const { chain, warnings } = readPolicyFile(textOf(file), kinds, (_, make) => make());
  expect(chain.length).toBeGreaterThan(0);
  expect(warnings).toEqual([]);
});

describe('backends/vendors.yaml', () => {
  const file = 'backends/vendors.yaml';
  const { backends: entries } = parseYaml(textOf(file));
  const variables = [...textOf(file).matchAll(/env: (\w+)/g)].map(([, name = '']) => name);
  const env = {
    POLICY_FILE: join(FOLDER, file),
    ...Object.fromEntries(variables.map((name) => [name, 'x'])),
  };
  const policies = policiesOf(parseConfig(env, backends))?.file;

  test('can be used as it is, without a warning', () => {
    expect(policies?.warnings).toEqual([]);
    expect(policies?.backends.map(({ name }) => name)).toEqual(
      entries.map(({ name }: { name: string }) => name),
    );
  });

  test('has one entry for each kind', () => {
    const shown = entries.map(({ kind }: { kind: string }) => kind);
    expect(shown.toSorted()).toEqual(kindsOfBackends.names.toSorted());
  });
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
        mode: expect.stringMatching(/^(?:pre_call|during_call|post_call|\[pre_mcp_call, post_mcp_call\])$/),
        api_base: expect.stringMatching(/^(?:https?:\/\/|os\.environ\/)/),
        api_key: expect.stringMatching(/^os\.environ\//),
        default_on: 'true',
      });
      expect(entry.unreachable_fallback).toMatch(/^fail_(?:closed|open)$/);
      // LiteLLM waits 600 s by itself
      expect(entry.timeout).toBe('30');
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

const streamed = readdirSync(join(FOLDER, 'streaming'))
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => `streaming/${file}`)
  .concat('demo/litellm.yaml', 'teams/litellm.yaml');

describe('parameters that LiteLLM shows to no guardrail', () => {
  test.each([...ofKind(/^litellm-.*\.yaml$/), ...streamed])('%s drops them, on every model', (file) => {
    const { model_list } = parseYaml(textOf(file)) as { model_list: { litellm_params: object }[] };
    for (const { litellm_params } of model_list) {
      expect(litellm_params).toMatchObject({ additional_drop_params: DROPPED_BY_EXAMPLES });
    }
  });
});

describe.each(['litellm-config.yaml', 'litellm-mcp.yaml', ...streamed])('%s', (file) => {
  const { guardrails, ...config } = parseYaml(textOf(file));

  test('tells the bridge how LiteLLM delivers each response', () => {
    const steps = JSON.stringify(config.policies ?? {});
    for (const { guardrail_name: name, litellm_params: params } of guardrails) {
      expect(params).toMatchObject({ guardrail: 'generic_guardrail_api', api_base: 'os.environ/BRIDGE_URL' });
      const isStep = steps.includes(`"guardrail":"${name}"`);
      expect(params.default_on, name).toBe(!isStep);
      if (params.mode !== 'post_call') continue;
      const { stream_scope: scope, streaming_transform_mode: transform } = params;
      expect(params.additional_provider_specific_params, name).toEqual({
        ...(isStep && { pipeline: true }),
        ...(scope !== undefined && { stream: scope === 'streaming' }),
        ...(transform !== undefined && { streaming_transform_mode: transform }),
      });
    }
  });

  test('has LiteLLM log each call to the bridge', () => {
    expect(config.litellm_settings.callbacks).toEqual(['bridge']);
    expect(config.callback_settings.bridge.endpoint).toBe('os.environ/BRIDGE_LOGS_URL');
  });
});

describe.each(['sidecar', 'service'])('kubernetes/%s.yaml', (file) => {
  const all = manifestsIn(`kubernetes/${file}.yaml`);
  const [workload] = all.filter(({ kind }) => kind === 'StatefulSet');
  const { spec } = workload?.spec.template ?? {};
  const [bridge] = spec.initContainers ?? spec.containers;
  const secrets = {
    BRIDGE_API_KEYS: 'from-the-secret',
    DATABASE_URL: 'postgres://bridge@postgres/bridge',
    STATE_KEY: '0'.repeat(64),
    AUDIT_KEY: 'a key of the audit log',
  };
  const set = bridge.env.map(({ name, value }: Variable) => [name, value ?? secrets[name as never]]);
  const { server, access, warnings } = parseConfig(Object.fromEntries(set), backends);

  test('takes its keys from secrets', () => {
    expect(warnings).toEqual([]);
    expect(access.apiKeys).toHaveLength(1);
    for (const { name, value } of bridge.env) expect(value === undefined, name).toBe(name in secrets);
  });

  test('lets Prometheus and the probes in, from outside the pod', () => {
    expect(server.host).toBe('0.0.0.0');
    expect(bridge.ports).toEqual([{ name: 'bridge', containerPort: server.port }]);
    const pods = all.find((one) => one.kind === 'Service' && one.metadata.name.endsWith('-pods'));
    expect(pods?.spec.ports).toEqual([{ name: 'metrics', port: server.port, targetPort: server.port }]);
    expect(bridge.startupProbe.httpGet).toEqual({ path: '/readyz', port: 'bridge' });
    expect(bridge.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'bridge' });
    expect(bridge.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'bridge' });
  });

  test('ends the bridge within the grace period', () => {
    const { shutdownDelayMs, shutdownTimeoutMs } = server;
    expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(shutdownDelayMs + shutdownTimeoutMs);
  });
});

test('kubernetes/sidecar.yaml has LiteLLM ask the bridge where it listens, with its key', () => {
  const [workload] = manifestsIn('kubernetes/sidecar.yaml').filter(({ kind }) => kind === 'StatefulSet');
  const { initContainers, containers } = workload?.spec.template.spec ?? {};
  const [[bridge], [litellm]] = [initContainers, containers];
  const { BRIDGE_URL, BRIDGE_LOGS_URL } = valuesOf(litellm.env);
  expect(BRIDGE_URL).toBe(`http://127.0.0.1:${valuesOf(bridge.env).PORT}`);
  expect(BRIDGE_LOGS_URL).toBe(BRIDGE_URL + LOGS_PATH);
  const { secretKeyRef } = bridge.env.find(({ name }: Variable) => name === 'BRIDGE_API_KEYS').valueFrom;
  expect(secretKeyRef).toEqual({ name: 'litellm', key: 'BRIDGE_API_KEY' });
  expect(litellm.envFrom).toEqual([{ secretRef: { name: 'litellm' } }]);
  expect(workload?.spec.template.metadata.annotations).toMatchObject({
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': valuesOf(bridge.env).PORT,
    'prometheus.io/path': '/metrics',
  });
});

describe('kubernetes/chart', () => {
  test('takes each setting that is no secret and that it does not set itself', () => {
    const schema = JSON.parse(textOf('kubernetes/chart/values.schema.json'));
    const ofChart = [
      'HOST',
      'PORT',
      'OPS_HOST',
      'OPS_PORT',
      'DATA_DIR',
      'WORKERS',
      'SHUTDOWN_DELAY',
      'SHUTDOWN_TIMEOUT',
      'POLICY_FILE',
    ];
    const groups = [
      SETTINGS,
      ...backends.flatMap((definition) => {
        const { environment } = definition;
        if (environment === undefined) return [];
        return [environment.settings, environment.sharedSettings, commonSettings(definition)];
      }),
    ] as readonly Settings[];
    const names = groups.flatMap((settings) =>
      Object.keys(settings).filter((name) => settings[name]?.secret !== true && !ofChart.includes(name)),
    );
    const taken = Object.keys(schema.properties.settings.properties);
    expect(
      taken.toSorted(),
      'a new setting is added to properties.settings in examples/kubernetes/chart/values.schema.json',
    ).toEqual([...new Set(names)].toSorted());
  });

  test('is of the release of the bridge that it runs', () => {
    const { version, appVersion } = parseYaml(textOf('kubernetes/chart/Chart.yaml'));
    expect([version, appVersion]).toEqual([packageJson.version, packageJson.version]);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: of any shape
function manifestsIn(file: string): { kind: string; metadata: any; spec: any }[] {
  return parseAllDocuments(textOf(file)).map((document) => (document as Document).toJS());
}

type Variable = { readonly name: string; readonly value?: string };

/** The variables that stand in a manifest with their value. */
function valuesOf(env: readonly Variable[]): Record<string, string> {
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}

describe('docker-compose.yml', () => {
  const compose = parseYaml(textOf('../docker-compose.yml'));
  const { bridge, litellm } = compose.services;

  test('gives the bridge its own settings alone: no key of a provider and none of LiteLLM', () => {
    expect(bridge.env_file).toEqual([{ path: 'bridge.env', required: false }]);
    const names = settingGroups(backends).flatMap(([, rows]) => rows.map(({ name }) => name));
    expect(names).toEqual(expect.arrayContaining(Object.keys(bridge.environment)));
    const taken = [...JSON.stringify(bridge).matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
    expect(taken).toEqual(['BRIDGE_API_KEY']);
  });

  test('leaves every setting to bridge.env but those that the file itself depends on', () => {
    expect(Object.keys(bridge.environment)).toEqual(['HOST', 'PORT', 'DATA_DIR', 'BRIDGE_API_KEYS']);
  });

  test.each(ofKind(/\.env$/))('takes a copy of %s as bridge.env', (file) => {
    const env = { ...dotenv.parse(textOf(file)), ...bridge.environment, BRIDGE_API_KEYS: 'from-dot-env' };
    const { policies, access, audit, warnings } = parseConfig(env, backends);
    expect(warnings).toEqual([]);
    expect(bridge.volumes).toEqual(expect.arrayContaining([expect.stringMatching(`:${audit.dir}$`)]));
    if (policies.file !== undefined) {
      const [folder, mounted] = bridge.volumes.at(-1).split(':');
      expect(mounted).toBe(join('/app', folder));
      expect(policies.file).toMatch(new RegExp(`^${folder.replace('./', '')}/`));
    }
    // An address that Docker gives to LiteLLM
    if (access.allowedIps.length > 0) expect(ipList(access.allowedIps)('172.18.0.3')).toBe(true);
  });

  test('has LiteLLM ask the bridge where it listens, with its key', () => {
    const { BRIDGE_URL, BRIDGE_LOGS_URL, BRIDGE_API_KEY } = litellm.environment;
    expect(BRIDGE_URL).toBe(`http://bridge:${bridge.environment.PORT}`);
    expect(BRIDGE_LOGS_URL).toBe(BRIDGE_URL + LOGS_PATH);
    expect(bridge.environment.BRIDGE_API_KEYS).toContain(BRIDGE_API_KEY.slice(0, -1));
  });

  test('ends the bridge within the grace period', () => {
    const { shutdownDelayMs, shutdownTimeoutMs } = parseConfig({}, backends).server;
    expect(Number.parseInt(bridge.stop_grace_period, 10) * 1000).toBeGreaterThan(
      shutdownDelayMs + shutdownTimeoutMs,
    );
  });
});

describe("LiteLLM's own integrations, pointed at the bridge", () => {
  const turned = (file: string) => readFileSync(join(FOLDER, 'turned', file), 'utf8');

  test.each(['akto.yaml', 'akto-two-entries.yaml'])('%s sets an address and a key of the bridge', (file) => {
    const { guardrails } = parseYaml(turned(file)) as {
      guardrails: { litellm_params: Record<string, unknown> }[];
    };
    for (const { litellm_params } of guardrails) {
      expect(litellm_params).toMatchObject({
        guardrail: 'akto',
        akto_base_url: 'http://bridge:8787',
        akto_api_key: 'os.environ/BRIDGE_API_KEY',
      });
    }
  });

  test("capsule-plugin.env sets an address and a key of the bridge by the plugin's names", () => {
    const { CAPSULE_LITELLM_ENDPOINT, CAPSULE_LITELLM_TOKEN } = dotenv.parse(turned('capsule-plugin.env'));
    expect(CAPSULE_LITELLM_ENDPOINT).toBe('http://bridge:8787');
    expect(CAPSULE_LITELLM_TOKEN).not.toBe('');
  });
});
